/**
 * Where one draws a digit, with a pointer or with the keyboard. Owns the strokes and their picture; what is read in it is `guess.ts`'s.
 *
 * Keys: arrows move the pen, space puts it down and lifts it, Delete clears.
 */

import { prepareDigit } from './prepare-digit.js';

type Point = readonly [x: number, y: number];

const side = 280;
const penWidth = 22;
const keyStep = 10;
const moves: Readonly<Record<string, Point>> = {
  ArrowLeft: [-keyStep, 0],
  ArrowRight: [keyStep, 0],
  ArrowUp: [0, -keyStep],
  ArrowDown: [0, keyStep],
};

export interface DigitPadParts {
  /** Takes pointers and keys. */
  readonly area: HTMLElement;
  readonly canvas: HTMLCanvasElement;
  /** Shows where the keyboard's pen is. */
  readonly pen: HTMLElement;
  readonly clear: HTMLButtonElement;
  /** Of the pen's state, for those who do not see it. */
  readonly status: HTMLElement;
}

export class DigitPad {
  readonly #area: HTMLElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #pen: HTMLElement;
  readonly #status: HTMLElement;
  readonly #onChange: () => void;
  #strokes: Point[][] = [];
  #penAt: Point = [side / 2, side / 4];
  #penDown = false;

  constructor({ area, canvas, pen, clear, status }: DigitPadParts, onChange: () => void) {
    const context = canvas.getContext('2d', { willReadFrequently: true });
    if (context === null) {
      throw new Error('this browser gives no canvas to draw on');
    }
    canvas.width = side;
    canvas.height = side;
    this.#area = area;
    this.#context = context;
    this.#pen = pen;
    this.#status = status;
    this.#onChange = onChange;
    area.addEventListener('pointerdown', (event) => this.#pointerDown(event));
    area.addEventListener('pointermove', (event) => this.#pointerMove(event));
    area.addEventListener('keydown', (event) => this.#key(event));
    clear.addEventListener('click', () => this.clear());
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#draw());
    this.#showPen();
  }

  /** 28 by 28 bytes as in MNIST, or null where nothing is drawn. */
  digit(): Uint8Array<ArrayBuffer> | null {
    const { data } = this.#context.getImageData(0, 0, side, side);
    return prepareDigit(
      data.filter((_, index) => index % 4 === 3),
      side,
    );
  }

  clear(): void {
    this.#strokes = [];
    this.#penDown = false;
    this.#showPen();
    this.#changed();
  }

  #pointerDown(event: PointerEvent): void {
    if (!event.isPrimary || event.button !== 0) {
      return;
    }
    this.#area.setPointerCapture(event.pointerId);
    this.#penDown = false;
    this.#showPen();
    this.#strokes.push([this.#pointOf(event)]);
    this.#changed();
  }

  #pointerMove(event: PointerEvent): void {
    if (!this.#area.hasPointerCapture(event.pointerId)) {
      return;
    }
    // Between two frames a fast hand makes many points.
    const events = event.getCoalescedEvents?.() ?? [];
    this.#strokes.at(-1)?.push(...(events.length > 0 ? events : [event]).map((each) => this.#pointOf(each)));
    this.#changed();
  }

  #pointOf({ clientX, clientY }: PointerEvent): Point {
    const { left, top, width, height } = this.#area.getBoundingClientRect();
    return [((clientX - left) / width) * side, ((clientY - top) / height) * side];
  }

  #key(event: KeyboardEvent): void {
    const move = moves[event.key];
    if (move !== undefined) {
      this.#penAt = [inside(this.#penAt[0] + move[0]), inside(this.#penAt[1] + move[1])];
      if (this.#penDown) {
        this.#strokes.at(-1)?.push(this.#penAt);
        this.#changed();
      }
    } else if (event.key === ' ') {
      this.#penDown = !this.#penDown;
      if (this.#penDown) {
        this.#strokes.push([this.#penAt]);
        this.#changed();
      }
    } else if (event.key === 'Delete' || event.key === 'Backspace') {
      this.clear();
    } else {
      return;
    }
    event.preventDefault();
    this.#showPen();
  }

  #showPen(): void {
    const [x, y] = this.#penAt;
    this.#pen.style.left = `${(x / side) * 100}%`;
    this.#pen.style.top = `${(y / side) * 100}%`;
    this.#pen.classList.toggle('down', this.#penDown);
    this.#status.textContent = this.#penDown ? 'Pen down.' : 'Pen up.';
  }

  #changed(): void {
    this.#draw();
    this.#onChange();
  }

  #draw(): void {
    const context = this.#context;
    context.clearRect(0, 0, side, side);
    context.strokeStyle = getComputedStyle(this.#area).color;
    context.lineWidth = penWidth;
    context.lineCap = 'round';
    context.lineJoin = 'round';
    for (const [start, ...points] of this.#strokes) {
      const [x, y] = start ?? [0, 0];
      context.beginPath();
      context.moveTo(x, y);
      // A line to where it begins is a dot.
      for (const [toX, toY] of points.length > 0 ? points : [[x, y] as const]) {
        context.lineTo(toX, toY);
      }
      context.stroke();
    }
  }
}

function inside(value: number): number {
  return Math.min(side - keyStep, Math.max(keyStep, value));
}
