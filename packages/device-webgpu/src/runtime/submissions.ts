/**
 * What was encoded and has yet to be submitted: a run, and the reads that follow it in the same stretch of code. They go to the queue as one, when that stretch
 * is over, or before whatever must come after them. Owns the command encoder, its error scope and that moment; what is encoded is the device's.
 */

/** Told once the commands were submitted, with what the adapter has against them and against what is done when told. */
export type Submitted = (checked: Promise<GPUError | null>) => void;

interface Open {
  readonly encoder: GPUCommandEncoder;
  readonly submitted: Submitted[];
  /** Ends buffers that the commands may use. */
  readonly endings: (() => void)[];
}

export class Submissions {
  readonly #gpu: GPUDevice;
  #open: Open | null = null;
  #scheduled = false;

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
  }

  /** Commands of a run: whatever `encode` writes to the queue itself comes after all that was open. @throws what `encode` throws; then nothing is submitted. */
  begin(label: string, encode: (encoder: GPUCommandEncoder) => void, submitted: Submitted): void {
    this.submit();
    const open = this.#begin(label);
    try {
      encode(open.encoder);
    } catch (error) {
      this.#open = null;
      this.#gpu.popErrorScope().catch(() => undefined);
      end(open);
      throw error;
    }
    open.submitted.push(submitted);
  }

  /** Commands that may share a submission with those before them. */
  join(label: string, encode: (encoder: GPUCommandEncoder) => void, submitted: Submitted): void {
    const open = this.#open ?? this.#begin(label);
    encode(open.encoder);
    open.submitted.push(submitted);
  }

  /** Calls `ending` once nothing that is open needs what it ends. */
  afterwards(ending: () => void): void {
    if (this.#open === null) ending();
    else this.#open.endings.push(ending);
  }

  /** Submits what is open. Call before anything that a queue or a buffer must not meet before it. */
  submit(): void {
    const open = this.#open;
    if (open === null) return;
    this.#open = null;
    this.#gpu.queue.submit([open.encoder.finish()]);
    let settle: (checked: Promise<GPUError | null>) => void = () => undefined;
    const checked = new Promise<GPUError | null>((resolve) => {
      settle = resolve;
    });
    // Each of those who are told waits for it, or for the end of the device.
    checked.catch(() => undefined);
    for (const submitted of open.submitted) submitted(checked);
    settle(this.#gpu.popErrorScope());
    end(open);
  }

  #begin(label: string): Open {
    this.#gpu.pushErrorScope('validation');
    const open = { encoder: this.#gpu.createCommandEncoder({ label }), submitted: [], endings: [] };
    this.#open = open;
    if (!this.#scheduled) {
      this.#scheduled = true;
      queueMicrotask(() => {
        this.#scheduled = false;
        this.submit();
      });
    }
    return open;
  }
}

function end({ endings }: Open): void {
  for (const ending of endings) ending();
}

declare function queueMicrotask(callback: () => void): void;
