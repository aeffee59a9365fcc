/**
 * What was encoded and has yet to be submitted: a run, and the reads that follow it in the same stretch of code. They go to the queue as one, when that stretch
 * is over, or before whatever must come after them. Owns the command encoder, its error scope and that moment; what is encoded is the device's.
 */

/** Commands of a submission: what they encode, and what becomes of them. */
export interface Part {
  readonly label: string;
  encode(encoder: GPUCommandEncoder): void;
  /** Called once they were submitted, with what is wrong with the submission or with what is done when called: one part that is refused takes all along. */
  submitted(checked: Promise<Error | null>): void;
  /** Why it was refused, if this part knows better than the adapter. */
  reason(): Promise<Error | null>;
  /** What the adapter said, in this part's words. */
  refused(refusal: GPUError): Error;
}

interface Open {
  readonly encoder: GPUCommandEncoder;
  readonly parts: Part[];
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
  begin(part: Part): void {
    this.submit();
    const open = this.#begin(part.label);
    try {
      part.encode(open.encoder);
    } catch (error) {
      this.#open = null;
      this.#gpu.popErrorScope().catch(() => undefined);
      end(open);
      throw error;
    }
    open.parts.push(part);
  }

  /** Commands that may share a submission with those before them. */
  join(part: Part): void {
    const open = this.#open ?? this.#begin(part.label);
    part.encode(open.encoder);
    open.parts.push(part);
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
    let settle: (checked: Promise<Error | null>) => void = () => undefined;
    const checked = new Promise<Error | null>((resolve) => {
      settle = resolve;
    });
    // Each of those who are told waits for it, or for the end of the device.
    checked.catch(() => undefined);
    for (const part of open.parts) part.submitted(checked);
    settle(this.#gpu.popErrorScope().then((refusal) => (refusal === null ? null : explained(refusal, open))));
    end(open);
  }

  #begin(label: string): Open {
    this.#gpu.pushErrorScope('validation');
    const open = { encoder: this.#gpu.createCommandEncoder({ label }), parts: [], endings: [] };
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

async function explained(refusal: GPUError, { parts }: Open): Promise<Error | null> {
  for (const part of parts) {
    const reason = await part.reason();
    if (reason !== null) return reason;
  }
  return parts[0]?.refused(refusal) ?? null;
}

function end({ endings }: Open): void {
  for (const ending of endings) ending();
}

declare function queueMicrotask(callback: () => void): void;
