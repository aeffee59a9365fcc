/**
 * Programs in mixed precision: products in two bytes and in TF32, training with them, loss scaling with gradients that overflow. Rows of the specification of
 * what recorded means.
 */
import type { Device } from '@torchlet/device';
import { GradScaler, SGD } from '@torchlet/optim';
import { autocast, setFloat32MatmulPrecision, type Tensor, tensor } from '@torchlet/tensor';
import { build, permute, type Plain, product } from '../op-info/plain.js';
import { closeness } from '../op-info/tolerances.js';
import { assert, assertNumbers } from '../suites/assertions.js';
import { assertCost, costOf, type ProgramRow } from './program.js';
import { assertWeights, batch, lossOf, parametersOf, PlainNet, SmallNet } from './small-net.js';

type Half = 'bfloat16' | 'float16';

const halvesOf = ({ capabilities }: Device): Half[] =>
  (['bfloat16', 'float16'] as const).filter((dtype) => capabilities.storedBytes[dtype] > 0);

/** Numbers that TF32 and both dtypes of two bytes hold exactly, as their products of few terms are in float32. */
const exactNumbers = (shape: readonly number[], seed: number): Plain =>
  build(shape, ([i = 0, j = 0]) => (((i * 37 + j * 11 + i * j + seed) % 13) - 6) / 4);

/** Products of two matrices whose sides are whole tiles and parts of some, where factors lie along either side. */
async function assertProducts(device: Device, dtype: Half | 'float32'): Promise<void> {
  const [x, y] = [exactNumbers([72, 80], 1), exactNumbers([80, 136], 5)];
  const expected = product(x, y);
  const laid = ({ shape, data }: Plain): Tensor => tensor(data, { shape, device, dtype });
  const turned = (of: Plain): Tensor => laid(permute(of, [1, 0])).transpose(0, 1);
  for (const left of [laid, turned]) {
    for (const right of [laid, turned]) {
      const factors = [left(x), right(y)] as const;
      for (const factor of factors) await factor.array();
      const made = await factors[0].matmul(factors[1]).data();
      const what = `${dtype}, the left ${left === turned ? 'turned' : 'plain'}, the right ${right === turned ? 'turned' : 'plain'}`;
      assertNumbers(what, [...made].map(Number), [...expected.data], closeness('exact', dtype));
    }
  }
}

export const precisionPrograms: readonly ProgramRow[] = [
  {
    name: 'products of matrices in two bytes and, where it is allowed, in TF32: exact where numbers are, however factors lie',
    run: async ({ device }) => {
      const halves = halvesOf(device);
      for (const dtype of halves) await assertProducts(device, dtype);
      setFloat32MatmulPrecision('high');
      try {
        await assertProducts(device, 'float32');
      } finally {
        setFloat32MatmulPrecision('highest');
      }
      return [...halves, 'TF32 or float32'].join(', ');
    },
  },
  {
    name: 'autocast: one program a step, weights and their gradients in float32, near the loop without it',
    run: async (context) => {
      const halves = halvesOf(context.device);
      for (const dtype of halves) {
        const net = new SmallNet();
        const reference = new PlainNet();
        const optimizer = new SGD(net.parameters(), { lr: 0.1 });
        const losses: Tensor[] = [];
        const turn = (i: number): void => {
          const loss = autocast(context.device, dtype, () => {
            const step = lossOf(net, batch(i));
            assert(step.logits.dtype === dtype, `expected logits of ${dtype}, got ${step.logits.dtype}`);
            return step.loss;
          });
          loss.backward();
          const { grad } = net.linear1.weight;
          assert(
            loss.dtype === 'float32' && grad?.dtype === 'float32',
            `${dtype}: expected float32 outside of products`,
          );
          optimizer.step();
          optimizer.zeroGrad();
          losses.push(loss);
        };
        turn(0);
        const cost = await costOf(context, () => {
          for (let i = 1; i < 6; i++) turn(i);
        });
        assertCost(`5 steps in ${dtype}`, cost, { programs: 5, compiled: 0 });
        const expected = Array.from({ length: 6 }, (_, i) => reference.step(batch(i), 0.1).loss);
        const seen = await Promise.all(losses.map(async (loss) => loss.item()));
        assertNumbers(`losses in ${dtype}`, seen, expected, closeness('cancelling', dtype));
        for (const parameter of parametersOf(net)) assert(parameter.dtype === 'float32', 'expected weights of float32');
      }
      return halves.length === 0 ? 'the device has no dtype of two bytes' : halves.join(' and ');
    },
  },
  {
    name: 'GradScaler with infinities: the step is skipped, nothing is read, one program a step',
    run: async (context) => {
      const net = new SmallNet();
      const reference = new PlainNet();
      const optimizer = new SGD(net.parameters(), { lr: 0.1, momentum: 0.9 });
      const scaler = new GradScaler({ initScale: 1024, growthInterval: 3 });
      const turn = (i: number, factor: number): void => {
        scaler.scale(lossOf(net, batch(i)).loss.mul(factor)).backward();
        scaler.step(optimizer);
        scaler.update();
        optimizer.zeroGrad();
      };
      const overflowing = new Set([1, 4]);
      turn(0, 1);
      const cost = await costOf(context, () => {
        for (let i = 1; i < 6; i++) turn(i, overflowing.has(i) ? Infinity : 1);
      });
      assertCost('5 steps', cost, { programs: 5, compiled: { atMost: 1 } });
      const momentum = new Map<string, number[]>();
      for (let i = 0; i < 6; i++) {
        if (overflowing.has(i)) continue;
        const { gradients } = reference.gradients(batch(i));
        for (const [name, gradient] of Object.entries(gradients)) {
          const before = momentum.get(name);
          momentum.set(
            name,
            before === undefined ? gradient.data.slice() : before.map((v, j) => 0.9 * v + (gradient.data[j] as number)),
          );
        }
        const direction = (name: keyof typeof gradients) => ({
          ...gradients[name],
          data: momentum.get(name) as number[],
        });
        reference.update({ w1: direction('w1'), b1: direction('b1'), w2: direction('w2'), b2: direction('b2') }, 0.1);
      }
      await assertWeights('after 4 of 6 steps', net, reference);
      const scale = await scaler.getScale();
      assert(scale === 256, `expected 1024 halved twice, got ${scale}`);
      return `${cost.kernels / 5} kernels a step`;
    },
  },
];
