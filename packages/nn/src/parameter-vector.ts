/** All parameters as one vector, and back (torch.nn.utils.parameters_to_vector). */
import { cat, noGrad, type Tensor } from '@torchlet/tensor';

/** The elements of all parameters, one behind the other. */
export function parametersToVector(parameters: Iterable<Tensor>): Tensor {
  return cat([...parameters].map((parameter) => parameter.reshape(-1)));
}

/**
 * Writes a vector of `parametersToVector` into parameters of the same shapes.
 *
 * @throws RangeError where it is not as long as they have elements.
 */
export function vectorToParameters(vector: Tensor, parameters: Iterable<Tensor>): void {
  const targets = [...parameters];
  const count = targets.reduce((sum, target) => sum + target.numel(), 0);
  if (vector.ndim !== 1 || vector.numel() !== count) {
    throw new RangeError(`vectorToParameters: expected a vector of ${count}, got shape [${vector.shape.join(', ')}]`);
  }
  noGrad(() => {
    let first = 0;
    for (const target of targets) {
      target.copy_(vector.narrow(0, first, target.numel()).reshape(target.shape));
      first += target.numel();
    }
  });
}
