/** Programs that train in mixed precision: products in two bytes, loss scaling with gradients that overflow. Rows of the specification of what recorded means. */
import type { Device } from '@torchlet/device';
import { GradScaler, SGD } from '@torchlet/optim';
import { autocast, type Tensor } from '@torchlet/tensor';
import { closeness } from '../op-info/tolerances.js';
import { assert, assertNumbers } from '../suites/assertions.js';
import { assertCost, costOf, type ProgramRow } from './program.js';
import { assertWeights, batch, lossOf, parametersOf, PlainNet, SmallNet } from './small-net.js';

type Half = 'bfloat16' | 'float16';

const halvesOf = ({ capabilities }: Device): Half[] =>
  (['bfloat16', 'float16'] as const).filter((dtype) => capabilities.storedBytes[dtype] > 0);

export const precisionPrograms: readonly ProgramRow[] = [
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
