/** Programs of functions that are recorded once: what `compile()` gives must be what the loop would, in one program a call. Rows of the specification. */
import { crossEntropy } from '@torchlet/nn';
import { SGD } from '@torchlet/optim';
import { compile, type Tensor } from '@torchlet/tensor';
import { closeness } from '../op-info/tolerances.js';
import { assert, assertNumbers } from '../suites/assertions.js';
import { assertCost, assertFlat, costOf, type ProgramRow } from './program.js';
import { assertWeights, batch, host, labelsOf, PlainNet, SmallNet } from './small-net.js';

export const compiledPrograms: readonly ProgramRow[] = [
  {
    name: 'a compiled step: recorded twice and never again, one program a call, a changed rate told, flat',
    run: async (context) => {
      const [net, expected] = [new SmallNet(), new PlainNet()];
      const optimizer = new SGD(net.parameters(), { lr: 0.1 });
      let recorded = 0;
      const step = compile((images: Tensor, labels: Tensor) => {
        recorded++;
        const loss = crossEntropy(net.forward(images), labels);
        loss.backward();
        optimizer.step();
        optimizer.zeroGrad();
        return loss;
      });
      const turn = (i: number): Tensor => step(host(batch(i).images), labelsOf(batch(i)));
      const losses: Tensor[] = [];
      const wanted: number[] = [];
      for (let i = 0; i < 12; i++) {
        if (i === 6) for (const group of optimizer.paramGroups) group.lr = 0.05;
        losses.push(turn(i));
        wanted.push(expected.step(batch(i), i < 6 ? 0.1 : 0.05).loss);
      }
      assert(recorded === 4, `expected two recordings for each rate, got ${recorded}`);
      const seen = await Promise.all(losses.map((loss) => loss.item()));
      assertNumbers('the losses', seen, wanted, closeness('cancelling'));
      await assertWeights('after 12 steps', net, expected);
      assertCost('ten calls', await costOf(context, () => Array.from({ length: 10 }, (_, i) => turn(i))), {
        programs: 10,
        compiled: 0,
      });
      await assertFlat(context, 100 * context.scale, async (i) => turn(i).item());
      assert(recorded === 4, `expected no recording more, got ${recorded}`);
      return `12 steps, ${recorded} recorded`;
    },
  },
];
