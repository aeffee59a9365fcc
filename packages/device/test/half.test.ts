import { describe, expect, it } from 'vitest';
import { bfloat16ToNumber, float16ToNumber, numberToBfloat16, numberToFloat16 } from '../src/index.js';

const everyBits = Array.from({ length: 65536 }, (_, bits) => bits);

describe.each([
  { name: 'float16', toNumber: float16ToNumber, toBits: numberToFloat16, infinity: 0x7c00 },
  { name: 'bfloat16', toNumber: bfloat16ToNumber, toBits: numberToBfloat16, infinity: 0x7f80 },
])('$name', ({ toNumber, toBits, infinity }) => {
  it('every value comes back as itself', () => {
    const wrong = everyBits.filter((bits) => {
      const value = toNumber(bits);
      return Number.isNaN(value) ? !Number.isNaN(toNumber(toBits(value))) : toBits(value) !== bits;
    });
    expect(wrong).toEqual([]);
  });

  it('a number between two values goes to the nearer, a tie to the even one', () => {
    for (let bits = 0; bits < infinity - 1; bits += 7) {
      const [low, high] = [toNumber(bits), toNumber(bits + 1)];
      const middle = (low + high) / 2;
      const even = bits % 2 === 0 ? bits : bits + 1;
      const step = (high - low) * 1e-9;
      expect([toBits(middle - step), toBits(middle), toBits(middle + step)], `after ${low}`).toEqual([
        bits,
        even,
        bits + 1,
      ]);
      expect(toBits(-middle)).toBe(even | 0x8000);
    }
  });

  it('what is too large is infinite, and signs stay', () => {
    const most = toNumber(infinity - 1);
    const half = most - toNumber(infinity - 2);
    expect(toBits(most + half / 2)).toBe(infinity);
    expect(toBits(most + half / 2.001)).toBe(infinity - 1);
    expect(toBits(-Infinity)).toBe(infinity | 0x8000);
    expect(toBits(-0)).toBe(0x8000);
  });
});
