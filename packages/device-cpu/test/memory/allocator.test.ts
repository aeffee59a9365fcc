import { describe, expect, it } from 'vitest';
import { Allocator } from '../../src/memory/allocator.js';
import { randomNumbers } from '../execute.js';

describe('Allocator', () => {
  it('gives whole lines, one after the other', () => {
    const allocator = new Allocator(64);
    expect([1, 64, 65, 0].map((bytes) => allocator.allocate(bytes, 10_000))).toEqual([64, 128, 192, 320]);
    expect(allocator.used).toBe(64 + 64 + 128 + 64);
  });

  it('takes the best fitting hole and joins neighbours', () => {
    const allocator = new Allocator(0);
    const [a, b, c, d] = [128, 64, 64, 64].map((bytes) => allocator.allocate(bytes, 10_000)) as [
      number,
      number,
      number,
      number,
    ];
    allocator.free(a);
    allocator.free(c);
    expect(allocator.allocate(64, 10_000)).toBe(c);
    allocator.free(c);
    allocator.free(b);
    expect(allocator.allocate(256, 10_000)).toBe(a);
    allocator.free(d);
    expect(allocator.end).toBe(256);
  });

  it('says when there is no room, and has room again after a free', () => {
    const allocator = new Allocator(0);
    const a = allocator.allocate(512, 1024) as number;
    expect(allocator.allocate(576, 1024)).toBeNull();
    allocator.free(a);
    expect(allocator.allocate(1024, 1024)).toBe(0);
  });

  it('refuses to free what is not allocated', () => {
    const allocator = new Allocator(0);
    const a = allocator.allocate(1, 100) as number;
    allocator.free(a);
    expect(() => allocator.free(a)).toThrow('address 0 is not allocated');
  });

  it('never gives out a byte twice, and ends empty', () => {
    const allocator = new Allocator(64);
    const random = randomNumbers(7);
    const live: { address: number; end: number }[] = [];
    for (let step = 0; step < 3000; step++) {
      if (random() < 0.55) {
        const bytes = Math.floor(random() * 900) + 1;
        const address = allocator.allocate(bytes, 1 << 20);
        if (address === null) continue;
        expect(address % 64).toBe(0);
        const block = { address, end: address + bytes };
        expect(live.some((other) => other.address < block.end && block.address < other.end)).toBe(false);
        live.push(block);
      } else if (live.length > 0) {
        const [block] = live.splice(Math.floor(random() * live.length), 1);
        if (block !== undefined) allocator.free(block.address);
      }
    }
    for (const { address } of live) allocator.free(address);
    expect(allocator.used).toBe(0);
    expect(allocator.end).toBe(64);
  });
});
