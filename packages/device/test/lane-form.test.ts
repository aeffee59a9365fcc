import { LaneForms } from '@torchlet/device/analysis';
import { at, axis, constant, fn, int, load } from '@torchlet/device/by-hand';
import { describe, expect, it } from 'vitest';

/** Four lanes along axis 1 of [6, 8]. */
const forms = () => new LaneForms({ axis: 1, count: 4 }, [6, 8]);

describe('how an index moves with the lane', () => {
  it('is a vector where rows are whole vectors', () => {
    expect(forms().isVector(at(axis(0), 8, axis(1)))).toBe(true);
    expect(forms().isVector(at(axis(0), 6, axis(1)))).toBe(false);
    expect(forms().of(at(axis(1), 6, axis(0)))).toEqual({ stride: 6, multiple: 1, least: 0, most: 47 });
  });

  it('keeps quotients and remainders that no vector straddles', () => {
    const flat = at(axis(0), 8, axis(1));
    expect(forms().of(fn('idiv', [flat, int(4)]))).toEqual({ stride: 0, multiple: 1, least: 0, most: 11 });
    expect(forms().isVector(fn('mod', [flat, int(4)]))).toBe(true);
    expect(forms().of(fn('idiv', [flat, int(3)]))).toEqual({ stride: null, multiple: 1, least: 0, most: 15 });
  });

  it('takes a comparison for one value where the edge lies between vectors', () => {
    expect(forms().of(fn('lt', [axis(1), int(4)])).stride).toBe(0);
    expect(forms().of(fn('lt', [axis(1), int(5)])).stride).toBe(null);
    expect(forms().of(fn('lt', [int(3), axis(1)])).stride).toBe(0);
  });

  it('knows nothing of what is loaded at a place of its own for each lane', () => {
    expect(forms().of(load(0, axis(1), 'int32')).stride).toBe(null);
    expect(forms().of(load(0, axis(0), 'int32')).stride).toBe(0);
    expect(forms().of(fn('mul', [axis(1), constant(0, 'int32')]))).toEqual({
      stride: 0,
      multiple: 0,
      least: 0,
      most: 0,
    });
  });
});
