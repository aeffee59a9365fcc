/** A small WebAssembly assembler: build a module (`module-builder.ts`), write functions (`function-builder.ts`) of instructions. Owns the list of what emitters use. */
export { call, type Callable, FunctionBuilder, type Label, type Statement } from './function-builder.js';
export {
  f32,
  f32x4,
  f64,
  f64x2,
  family,
  i16x8,
  i32,
  i32x4,
  i64,
  i64x2,
  i8x16,
  memory,
  select,
  shuffleLanes,
  v128,
} from './instructions.js';
export { importsOf, type MemoryImport, ModuleBuilder } from './module-builder.js';
export { printFunction, printModule } from './text.js';
export {
  constant,
  type Instruction,
  isConstant,
  type Lanes,
  type Local,
  type Operand,
  type Value,
  type ValueType,
  vector,
} from './value.js';
