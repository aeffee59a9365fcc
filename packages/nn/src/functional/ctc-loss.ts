/** Connectionist temporal classification (Graves et al. 2006, https://www.cs.toronto.edu/~graves/icml_2006.pdf): the loss of labels without their places in time. */
import { arange, composed, logaddexp, noGrad, pad, Tensor, tensor, where } from '@torchlet/tensor';
import type { Reduction } from './loss.js';
import { printShape } from './shapes.js';

export interface CTCOptions {
  /** The class that stands for no label. Default 0. */
  readonly blank?: number;
  /** `mean` divides each loss by the length of its target first. Default `mean`. */
  readonly reduction?: Reduction;
  /** Whether losses of targets that do not fit into the input are 0 rather than infinite. Default false. */
  readonly zeroInfinity?: boolean;
}

/** Stands for log 0 in sums that are differentiated: exp of it is 0, and differences of it are numbers. */
const impossible = -1e30;

/**
 * The negative logarithm of the probability of all paths that spell the target.
 *
 * @param logProbs [time, n, classes] from a logSoftmax; as in PyTorch the gradient takes that for granted. Or [time, classes].
 * @param targets classes [n, longest], padded with anything; or those of all, end to end; or [longest].
 * @param inputLengths times of each, tensor or numbers. @param targetLengths labels of each.
 * @throws RangeError for shapes that do not fit.
 */
export function ctcLoss(
  logProbs: Tensor,
  targets: Tensor,
  inputLengths: Tensor | readonly number[],
  targetLengths: Tensor | readonly number[],
  { blank = 0, reduction = 'mean', zeroInfinity = false }: CTCOptions = {},
): Tensor {
  const single = logProbs.ndim === 2;
  const [steps, labels] = single ? [logProbs.unsqueeze(1), targets.unsqueeze(0)] : [logProbs, targets];
  if (steps.ndim !== 3 || labels.ndim > 2 || (labels.ndim === 2 && labels.size(0) !== steps.size(1))) {
    throw new RangeError(
      `ctcLoss: expected [time, n, classes] and targets [n, longest], got ${printShape(logProbs.shape)} and ${printShape(targets.shape)}`,
    );
  }
  return composed(() => {
    const lengths = countsOf(inputLengths, steps);
    const counts = countsOf(targetLengths, steps);
    const rows = labels.ndim === 2 ? labels : apart(labels, counts);
    const paths = pathLoss(steps, rows, lengths, counts, blank);
    const cannot = paths.gt(-impossible / 2);
    const each = where(cannot, zeroInfinity ? 0 : Infinity, asOfLogits(paths, steps, lengths, cannot));
    switch (reduction) {
      case 'none':
        return single ? each.squeeze(0) : each;
      case 'sum':
        return each.sum();
      case 'mean':
        return each.div(counts.clamp(1).to(each.dtype)).mean();
      default: {
        const never: never = reduction;
        throw new RangeError(`ctcLoss: expected a reduction by name, got ${never}`);
      }
    }
  });
}

function countsOf(given: Tensor | readonly number[], beside: Tensor): Tensor {
  const counts =
    given instanceof Tensor ? given : tensor([...given], { dtype: 'int64', device: beside.runtime?.device });
  return counts.reshape(-1).to('int64');
}

/** Targets that lie end to end, one a row: each from where it begins on, as many as all have together. */
function apart(targets: Tensor, counts: Tensor): Tensor {
  const starts = counts.cumsum(0).sub(counts).unsqueeze(1);
  const places = arange(targets.numel(), { device: targets.runtime?.device });
  const index = starts.add(places).clamp(0, targets.numel() - 1);
  return targets.indexSelect(0, index.reshape(-1)).reshape(index.shape);
}

/** The loss of each: the sum over paths runs forward over the labels with blanks between them. */
function pathLoss(logProbs: Tensor, targets: Tensor, lengths: Tensor, counts: Tensor, blank: number): Tensor {
  const [time, batch] = logProbs.shape as [number, number, number];
  const longest = targets.size(1);
  const states = 2 * longest + 1;
  const labels = targets.to('int64');
  // blank, first label, blank, second label, ..., blank
  const spelled = labels
    .unsqueeze(2)
    .mul(tensor([0, 1]))
    .reshape([batch, 2 * longest]);
  const places = arange(states, { device: logProbs.runtime?.device });
  const isLabel = places.remainder(2).eq(1);
  const path = where(isLabel, pad(spelled, [0, 1]), blank);
  const emitted = logProbs.gather(2, path.unsqueeze(0).expand([time, batch, states]));
  const maySkip = isLabel.logicalAnd(path.ne(shifted(path, 2).narrow(1, 0, states))).logicalAnd(places.gt(1));
  let sums = where(places.lt(2), emitted.select(0, 0), impossible);
  for (let step = 1; step < time; step++) {
    const one = shifted(sums, 1, impossible).narrow(1, 0, states);
    const two = where(maySkip, shifted(sums, 2, impossible).narrow(1, 0, states), impossible);
    const next = logaddexp(logaddexp(sums, one), two).add(emitted.select(0, step)).clamp(impossible);
    sums = where(lengths.gt(step).unsqueeze(1), next, sums);
  }
  const last = counts.mul(2).unsqueeze(1);
  const ends = sums.gather(1, last).squeeze(1);
  const labelled = where(counts.gt(0), sums.gather(1, last.sub(1).clamp(0)).squeeze(1), impossible);
  return logaddexp(ends, labelled).neg();
}

/** Columns moved to the right behind `by` columns of `value`. */
function shifted(x: Tensor, by: number, value = 0): Tensor {
  return pad(x, [by, 0], { value });
}

/** The same loss with exp(logProbs) added to its gradient: that of the logits, which a logSoftmax passes on as it is. */
function asOfLogits(paths: Tensor, logProbs: Tensor, lengths: Tensor, cannot: Tensor): Tensor {
  const times = arange(logProbs.size(0), { device: logProbs.runtime?.device }).unsqueeze(1);
  const counted = times.lt(lengths).logicalAnd(cannot.logicalNot());
  const mass = where(counted, logProbs.exp().sum(2), 0).sum(0);
  return paths.add(mass.sub(noGrad(() => mass.mul(1))));
}
