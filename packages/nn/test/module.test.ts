import {
  type Device,
  deviceStats,
  noGrad,
  ones,
  relu,
  StaleValueError,
  type Tensor,
  tensor,
  zeros,
} from '@torchlet/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  Dropout,
  Flatten,
  Linear,
  Module,
  ModuleDict,
  ModuleList,
  Parameter,
  ParameterDict,
  ParameterList,
  ReLU,
  Sequential,
} from '../src/index.js';
import { openDevice } from './device.js';
import { dataOf, floats } from './values.js';

let device: Device;

beforeAll(async () => {
  device = await openDevice();
});

class Classifier extends Module {
  readonly hidden = new Linear(3, 4);
  readonly scale = new Parameter(ones([4]));
  readonly blocks = [new Linear(4, 4, { bias: false }), [new ReLU()]];
  readonly drop = new Dropout(0.25);
  readonly output = new Linear(4, 2);
  /** The last activations, for those who look. */
  seen: Tensor | null = null;

  override forward(x: Tensor): Tensor {
    this.seen = relu(this.hidden.forward(x)).mul(this.scale);
    return this.output.forward(this.drop.forward(this.seen));
  }
}

class Counter extends Module {
  readonly total: Tensor;
  readonly scratch: Tensor;

  constructor() {
    super();
    this.total = this.registerBuffer('running_total', zeros([2]));
    this.scratch = this.registerBuffer('scratch', zeros([1]), { persistent: false });
  }

  override forward(x: Tensor): Tensor {
    noGrad(() => this.total.add_(x.detach()));
    return x.mul(2);
  }
}

describe('the tree', () => {
  test('parameters have the names of the fields they are in, this module first', () => {
    expect(new Classifier().namedParameters().map(([name]) => name)).toEqual([
      'scale',
      'hidden.weight',
      'hidden.bias',
      'blocks.0.weight',
      'output.weight',
      'output.bias',
    ]);
  });

  test('modules are listed parents first, by their paths', () => {
    expect(new Classifier().namedModules().map(([name]) => name)).toEqual([
      '',
      'hidden',
      'blocks.0',
      'blocks.1.0',
      'drop',
      'output',
    ]);
  });

  test('what is assigned later belongs to it too', () => {
    const model = new Classifier() as Classifier & { head?: Linear };
    model.head = new Linear(2, 1);
    expect(model.namedParameters().map(([name]) => name)).toContain('head.weight');
    expect(model.getSubmodule('head')).toBe(model.head);
    expect(() => model.getSubmodule('tail')).toThrow("Classifier has no module 'tail'");
  });

  test('a shared parameter counts once, and is in the state dict under both names', () => {
    class Tied extends Module {
      readonly first = new Linear(2, 2);
      readonly second = new Linear(2, 2, { bias: false });
      constructor() {
        super();
        Object.assign(this.second, { weight: this.first.weight });
      }
      override forward(x: Tensor): Tensor {
        return this.second.forward(this.first.forward(x));
      }
    }
    const tied = new Tied();
    expect(tied.namedParameters().map(([name]) => name)).toEqual(['first.weight', 'first.bias']);
    expect(Object.keys(tied.stateDict())).toEqual(['first.weight', 'first.bias', 'second.weight']);
  });

  test('containers name their modules by position or by key', () => {
    const layers = new Sequential(new Linear(2, 3), new ReLU(), new Linear(3, 1));
    expect(Object.keys(layers.stateDict())).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
    const named = new Sequential({ hidden: new Linear(2, 3), act: new ReLU() });
    expect(Object.keys(named.stateDict())).toEqual(['hidden.weight', 'hidden.bias']);
    const list = new ModuleList([new Linear(1, 1)]).append(new Linear(1, 1, { bias: false }));
    expect(Object.keys(list.stateDict())).toEqual(['0.weight', '0.bias', '1.weight']);
    expect(list.at(-1)).toBe([...list][1]);
    expect(() => list.at(2)).toThrow('expected a position below 2, got 2');
    const dict = new ModuleDict({ a: new Linear(1, 1, { bias: false }) }).set('b', new Linear(1, 1));
    expect(Object.keys(dict.stateDict())).toEqual(['a.weight', 'b.weight', 'b.bias']);
    expect(dict.get('b').outFeatures).toBe(1);
    expect(() => dict.get('c')).toThrow('expected one of a, b, got c');
    expect(() => list.forward()).toThrow('expected its modules to be called');
  });

  test('parameters are held in lists and by key as well', () => {
    const scale = new Parameter(ones([2]));
    const list = new ParameterList([scale]).append(new Parameter(ones([3])));
    expect([list.length, list.at(-1).shape, [...list][0] === scale]).toEqual([2, [3], true]);
    expect(() => list.at(2)).toThrow('ParameterList: expected a position below 2, got 2');
    const dict = new ParameterDict({ a: scale }).set('b', new Parameter(ones([1])));
    expect(dict.get('a')).toBe(scale);
    expect(() => dict.get('c')).toThrow('ParameterDict: expected one of a, b, got c');
    class Mixed extends Module {
      readonly parts = list;
      readonly named = dict;
      override forward(): void {}
    }
    expect(Object.keys(new Mixed().stateDict())).toEqual(['parts.0', 'parts.1', 'named.a', 'named.b']);
    expect(() => dict.forward()).toThrow('expected its parameters to be used');
  });

  test('modes reach all modules', () => {
    const model = new Classifier();
    expect(model.drop.training).toBe(true);
    expect(model.eval()).toBe(model);
    expect(model.modules().map((module) => module.training)).toEqual([false, false, false, false, false, false]);
    model.train();
    expect(model.blocks.flat().every((module) => module.training)).toBe(true);
  });

  test('apply visits children before parents', () => {
    const names: string[] = [];
    new Sequential(new Linear(1, 1), new ReLU()).apply((module) => names.push(module.constructor.name));
    expect(names).toEqual(['Linear', 'ReLU', 'Sequential']);
  });

  test('prints as PyTorch prints', () => {
    expect(String(new Classifier())).toBe(
      [
        'Classifier(',
        '  (hidden): Linear(inFeatures=3, outFeatures=4, bias=true)',
        '  (blocks.0): Linear(inFeatures=4, outFeatures=4, bias=false)',
        '  (blocks.1.0): ReLU()',
        '  (drop): Dropout(p=0.25)',
        '  (output): Linear(inFeatures=4, outFeatures=2, bias=true)',
        ')',
      ].join('\n'),
    );
    expect(String(new Sequential(new Flatten(), new Sequential(new ReLU())))).toBe(
      'Sequential(\n  (0): Flatten(startDim=1, endDim=-1)\n  (1): Sequential(\n    (0): ReLU()\n  )\n)',
    );
  });
});

describe('parameters', () => {
  test('require a gradient, unless told not to', () => {
    expect(new Parameter(ones([2])).requiresGrad).toBe(true);
    expect(new Parameter(ones([2]), { requiresGrad: false }).requiresGrad).toBe(false);
    expect(() => new Parameter(tensor([1, 2]))).toThrow('expected a float dtype, got int64');
  });

  test('are frozen and thawed by requiresGrad_', () => {
    const model = new Classifier().requiresGrad_(false);
    expect(model.parameters().some((parameter) => parameter.requiresGrad)).toBe(false);
    expect(
      model
        .requiresGrad_()
        .parameters()
        .every((parameter) => parameter.requiresGrad),
    ).toBe(true);
  });

  test('lose their gradients by zeroGrad', () => {
    const model = new Linear(2, 1);
    model
      .forward(floats([1, 2], [1, 2]))
      .sum()
      .backward();
    expect(model.weight.grad).not.toBeNull();
    model.zeroGrad();
    expect(model.weight.grad).toBeNull();
  });

  test('are leaves of their own: changing the tensor they were made of leaves them alone', async () => {
    const source = ones([2]);
    const parameter = new Parameter(source);
    source.mul_(3);
    expect(await dataOf(parameter)).toEqual([1, 1]);
    expect(parameter.isLeaf).toBe(true);
  });
});

describe('state dicts', () => {
  test('carry values to another module', async () => {
    const [from, to] = [new Classifier(), new Classifier()];
    expect(to.loadStateDict(from.stateDict())).toEqual({ missingKeys: [], unexpectedKeys: [] });
    expect(await dataOf(to.output.weight)).toEqual(await dataOf(from.output.weight));
    expect(to.output.weight.requiresGrad).toBe(true);
  });

  test('hold persistent buffers, which forward changes in place', async () => {
    const counter = new Counter();
    expect(Object.keys(counter.stateDict())).toEqual(['running_total']);
    expect(counter.namedBuffers().map(([name]) => name)).toEqual(['running_total', 'scratch']);
    counter.forward(floats([1, 2]));
    counter.forward(floats([10, 20]));
    expect(await dataOf(counter.total)).toEqual([11, 22]);
    const other = new Counter();
    other.loadStateDict(counter.stateDict());
    expect(await dataOf(other.total)).toEqual([11, 22]);
  });

  test('that do not fit are refused with all that is wrong, and nothing is copied', async () => {
    const model = new Linear(2, 1);
    const before = await dataOf(model.bias);
    const state = { weight: zeros([1, 3]), bias: zeros([1]), gain: zeros([1]) };
    expect(() => model.loadStateDict(state)).toThrow(
      'the state does not fit Linear:\n  unexpected keys: gain\n  weight: expected shape [1, 2], got [1, 3]',
    );
    expect(() => model.loadStateDict({})).toThrow('missing keys: weight, bias');
    expect(await dataOf(model.bias)).toEqual(before);
  });

  test('may lack keys where strict is off', async () => {
    const model = new Linear(2, 1);
    const result = model.loadStateDict({ bias: floats([7]), gain: zeros([1]) }, { strict: false });
    expect(result).toEqual({ missingKeys: ['weight'], unexpectedKeys: ['gain'] });
    expect(await dataOf(model.bias)).toEqual([7]);
    expect(() => model.loadStateDict({ bias: zeros([2]) }, { strict: false })).toThrow('expected shape [1], got [2]');
  });
});

describe('forward', () => {
  test('that is async is refused', () => {
    class Slow extends Module {
      override async forward(x: Tensor): Promise<Tensor> {
        return x;
      }
    }
    expect(() => new Slow().forward(ones([1]))).toThrow('Slow.forward: expected a synchronous function');
  });

  test('can call the one of its base class', async () => {
    class Doubled extends Linear {
      override forward(x: Tensor): Tensor {
        return super.forward(x).mul(2);
      }
    }
    const doubled = new Doubled(1, 1, { bias: false });
    doubled.loadStateDict({ weight: floats([3], [1, 1]) });
    expect(await dataOf(doubled.forward(floats([5], [1, 1])))).toEqual([30]);
  });

  test('leaves the wrapper in order when it throws', async () => {
    const model = new Linear(2, 1);
    expect(() => model.forward(ones([1, 3]))).toThrow('linear: expected inputs of 2 features');
    expect((await dataOf(model.forward(ones([1, 2])))).length).toBe(1);
  });

  test('runs hooks before and after, until they are removed', async () => {
    const model = new Sequential(new ReLU());
    const shown: unknown[] = [];
    const handles = [
      model.registerForwardPreHook((_, [x]) => [(x as Tensor).neg()]),
      model.registerForwardHook((module, inputs, output) => {
        shown.push([module, inputs.length]);
        return (output as Tensor).add(1);
      }),
    ];
    expect(await dataOf(model.forward(floats([-2, 3])))).toEqual([3, 1]);
    expect(shown).toEqual([[model, 1]]);
    for (const handle of handles) handle.remove();
    expect(await dataOf(model.forward(floats([-2, 3])))).toEqual([0, 3]);
  });
});

describe('results of a root', () => {
  const batch = (value: number): Tensor => floats(new Array(300).fill(value), [100, 3]);

  test('stay readable until it gives new ones: returned, shown to a hook, or left in a field', async () => {
    const model = new Classifier().eval();
    const shown: Tensor[] = [];
    model.hidden.registerForwardHook((_module, _inputs, output) => {
      shown.push(output as Tensor);
    });
    const train = (value: number): Tensor => {
      const output = model.forward(batch(value));
      output.square().mean().backward();
      return output;
    };
    const output = train(1);
    const seen = model.seen;
    model.zeroGrad();
    train(2);
    const { programsRun } = deviceStats(device);
    expect((await dataOf(output)).length).toBe(200);
    expect((await dataOf(seen)).length).toBe(400);
    expect((await dataOf(shown[0] as Tensor)).length).toBe(400);
    expect(deviceStats(device).programsRun).toBe(programsRun);
    model.zeroGrad();
    train(3);
    model.zeroGrad();
    train(4);
    await expect(output.data()).rejects.toThrow(StaleValueError);
    await expect(seen?.data()).rejects.toThrow('Classifier');
  });

  test('of a module that is part of another do not start an evaluation, and are held', async () => {
    class Outer extends Module {
      readonly inner = new Linear(3, 4);
      encode(x: Tensor): Tensor {
        return this.inner.forward(x);
      }
      override forward(x: Tensor): Tensor {
        return this.encode(x);
      }
    }
    const outer = new Outer();
    const { inner } = outer;
    noGrad(() => inner.weight.mul_(2));
    const before = deviceStats(device).programsRun;
    outer.encode(batch(1));
    expect(deviceStats(device).programsRun).toBe(before);
    outer.forward(batch(1));
    expect(deviceStats(device).programsRun).toBe(before + 1);
    const codes = [1, 2, 3, 4].map((value) => noGrad(() => outer.encode(batch(value))));
    const firsts = await Promise.all(codes.map(async (code) => (await dataOf(code)).length));
    expect(firsts).toEqual([400, 400, 400, 400]);
  });
});
