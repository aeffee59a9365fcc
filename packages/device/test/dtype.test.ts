import { describe, expect, it } from 'vitest';
import { dtypeCodes, dtypeNames, dtypes, isFloat, isInteger } from '../src/index.js';

describe('dtypes', () => {
  it.each(dtypeNames)('%s has arrays of its width', (name) => {
    const { bytes, zeros, array } = dtypes[name];
    const fresh = zeros(3);
    expect([fresh.length, fresh.BYTES_PER_ELEMENT]).toEqual([3, bytes]);
    const view = array(new ArrayBuffer(64), 16, 2);
    expect([view.constructor, view.byteOffset, view.length]).toEqual([fresh.constructor, 16, 2]);
  });

  it('are told apart by kind', () => {
    expect(dtypeNames.filter(isFloat)).toEqual(['float32', 'float64', 'float16', 'bfloat16']);
    expect(dtypeNames.filter(isInteger)).toEqual(['int64', 'int32', 'int16', 'int8', 'uint8']);
    expect(isInteger('bool') || isFloat('bool')).toBe(false);
  });

  it('have stable codes: keys of plans hold them', () => {
    expect(dtypeCodes).toEqual({
      float32: 0,
      float64: 1,
      float16: 2,
      bfloat16: 3,
      int64: 4,
      int32: 5,
      int16: 6,
      int8: 7,
      uint8: 8,
      bool: 9,
    });
  });
});
