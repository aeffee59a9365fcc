/**
 * Methods of tensors as functions, where PyTorch has them in the `torch` namespace: `sin(x)` beside `x.sin()`. One line each and nothing else; what an
 * operation does is told at its method in `../tensor.ts`. Functions that say more than their method are in the files by family.
 */
import type { Operand, Ordered, Tensor } from '../tensor.js';

interface Extreme {
  (x: Tensor): Tensor;
  (x: Tensor, dim: number, options?: { keepdim?: boolean }): Ordered;
  (x: Tensor, other: Tensor): Tensor;
}

export const neg = (x: Tensor): Tensor => x.neg();
export const abs = (x: Tensor): Tensor => x.abs();
export const sign = (x: Tensor): Tensor => x.sign();
export const floor = (x: Tensor): Tensor => x.floor();
export const ceil = (x: Tensor): Tensor => x.ceil();
export const trunc = (x: Tensor): Tensor => x.trunc();
export const round = (x: Tensor, ...args: Parameters<Tensor['round']>): Tensor => x.round(...args);
export const frac = (x: Tensor): Tensor => x.frac();
export const reciprocal = (x: Tensor): Tensor => x.reciprocal();
export const sqrt = (x: Tensor): Tensor => x.sqrt();
export const rsqrt = (x: Tensor): Tensor => x.rsqrt();
export const square = (x: Tensor): Tensor => x.square();
export const exp2 = (x: Tensor): Tensor => x.exp2();
export const expm1 = (x: Tensor): Tensor => x.expm1();
export const log1p = (x: Tensor): Tensor => x.log1p();
export const log2 = (x: Tensor): Tensor => x.log2();
export const log10 = (x: Tensor): Tensor => x.log10();
export const sin = (x: Tensor): Tensor => x.sin();
export const cos = (x: Tensor): Tensor => x.cos();
export const tan = (x: Tensor): Tensor => x.tan();
export const atan = (x: Tensor): Tensor => x.atan();
export const erf = (x: Tensor): Tensor => x.erf();

export const pow = (x: Tensor, exponent: Operand): Tensor => x.pow(exponent);
export const floorDivide = (x: Tensor, y: Operand): Tensor => x.floorDivide(y);
export const fmod = (x: Tensor, y: Operand): Tensor => x.fmod(y);
export const remainder = (x: Tensor, y: Operand): Tensor => x.remainder(y);
export const maximum = (x: Tensor, y: Operand): Tensor => x.maximum(y);
export const minimum = (x: Tensor, y: Operand): Tensor => x.minimum(y);
export const lerp = (x: Tensor, end: Operand, weight: Operand): Tensor => x.lerp(end, weight);
export const clamp = (x: Tensor, min: Operand | null = null, max: Operand | null = null): Tensor => x.clamp(min, max);

export const eq = (x: Tensor, y: Operand): Tensor => x.eq(y);
export const ne = (x: Tensor, y: Operand): Tensor => x.ne(y);
export const lt = (x: Tensor, y: Operand): Tensor => x.lt(y);
export const le = (x: Tensor, y: Operand): Tensor => x.le(y);
export const gt = (x: Tensor, y: Operand): Tensor => x.gt(y);
export const ge = (x: Tensor, y: Operand): Tensor => x.ge(y);
export const isclose = (x: Tensor, ...args: Parameters<Tensor['isclose']>): Tensor => x.isclose(...args);
export const isnan = (x: Tensor): Tensor => x.isnan();
export const isinf = (x: Tensor): Tensor => x.isinf();
export const isfinite = (x: Tensor): Tensor => x.isfinite();
export const logicalNot = (x: Tensor): Tensor => x.logicalNot();
export const logicalAnd = (x: Tensor, y: Operand): Tensor => x.logicalAnd(y);
export const logicalOr = (x: Tensor, y: Operand): Tensor => x.logicalOr(y);
export const logicalXor = (x: Tensor, y: Operand): Tensor => x.logicalXor(y);
export const bitwiseNot = (x: Tensor): Tensor => x.bitwiseNot();
export const bitwiseAnd = (x: Tensor, y: Operand): Tensor => x.bitwiseAnd(y);
export const bitwiseOr = (x: Tensor, y: Operand): Tensor => x.bitwiseOr(y);
export const bitwiseXor = (x: Tensor, y: Operand): Tensor => x.bitwiseXor(y);
export const bitwiseLeftShift = (x: Tensor, y: Operand): Tensor => x.bitwiseLeftShift(y);
export const bitwiseRightShift = (x: Tensor, y: Operand): Tensor => x.bitwiseRightShift(y);
export const maskedFill = (x: Tensor, mask: Tensor, value: Operand): Tensor => x.maskedFill(mask, value);

export const prod = (x: Tensor, ...args: Parameters<Tensor['prod']>): Tensor => x.prod(...args);
export const amax = (x: Tensor, ...args: Parameters<Tensor['amax']>): Tensor => x.amax(...args);
export const amin = (x: Tensor, ...args: Parameters<Tensor['amin']>): Tensor => x.amin(...args);
export const max: Extreme = (x: Tensor, ...args: unknown[]): never => x.max(...(args as [])) as never;
export const min: Extreme = (x: Tensor, ...args: unknown[]): never => x.min(...(args as [])) as never;
export const argmin = (x: Tensor, ...args: Parameters<Tensor['argmin']>): Tensor => x.argmin(...args);
export const all = (x: Tensor, ...args: Parameters<Tensor['all']>): Tensor => x.all(...args);
export const any = (x: Tensor, ...args: Parameters<Tensor['any']>): Tensor => x.any(...args);
export const countNonzero = (x: Tensor, ...args: Parameters<Tensor['countNonzero']>): Tensor => x.countNonzero(...args);
const variance = (x: Tensor, ...args: Parameters<Tensor['var']>): Tensor => x.var(...args);
export { variance as var };
export const std = (x: Tensor, ...args: Parameters<Tensor['std']>): Tensor => x.std(...args);
export const logsumexp = (x: Tensor, ...args: Parameters<Tensor['logsumexp']>): Tensor => x.logsumexp(...args);

export const reshape = (x: Tensor, shape: readonly number[]): Tensor => x.reshape(shape);
export const flatten = (x: Tensor, startDim = 0, endDim = -1): Tensor => x.flatten(startDim, endDim);
export const squeeze = (x: Tensor, dim?: number | readonly number[]): Tensor => x.squeeze(dim);
export const unsqueeze = (x: Tensor, dim: number): Tensor => x.unsqueeze(dim);
export const permute = (x: Tensor, dims: readonly number[]): Tensor => x.permute(dims);
export const transpose = (x: Tensor, dim0: number, dim1: number): Tensor => x.transpose(dim0, dim1);
export const t = (x: Tensor): Tensor => x.t();
export const movedim = (x: Tensor, ...args: Parameters<Tensor['movedim']>): Tensor => x.movedim(...args);
export const narrow = (x: Tensor, dim: number, start: number, length: number): Tensor => x.narrow(dim, start, length);
export const select = (x: Tensor, dim: number, index: number): Tensor => x.select(dim, index);
export const split = (x: Tensor, size: number | readonly number[], dim = 0): Tensor[] => x.split(size, dim);
export const chunk = (x: Tensor, count: number, dim = 0): Tensor[] => x.chunk(count, dim);
export const unbind = (x: Tensor, dim = 0): Tensor[] => x.unbind(dim);
export const flip = (x: Tensor, dims: readonly number[]): Tensor => x.flip(dims);
export const gather = (x: Tensor, dim: number, index: Tensor): Tensor => x.gather(dim, index);
export const indexSelect = (x: Tensor, dim: number, index: Tensor): Tensor => x.indexSelect(dim, index);
export const scatterAdd = (x: Tensor, dim: number, index: Tensor, src: Tensor): Tensor => x.scatterAdd(dim, index, src);
export const clone = (x: Tensor): Tensor => x.clone();
export const numel = (x: Tensor): number => x.numel();
