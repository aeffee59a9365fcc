/** Parameters: the tensors that a module learns. Owns the class; modules find them among their fields. */
import { Tensor } from '@torchlet/tensor';

/**
 * A tensor that is a module's parameter by being assigned to one of its fields. Its value is stored at an address of its own from the beginning, so
 * that the first training step has the same plan as the thousandth.
 *
 * @example this.scale = new Parameter(ones([features]));
 */
export class Parameter extends Tensor {
  /**
   * @param data the first value; host data is copied, a recorded value is evaluated.
   * @param options.requiresGrad false for a parameter that is not trained. Default true.
   * @throws TypeError for a dtype without gradients, unless `requiresGrad` is false.
   */
  constructor(data: Tensor, { requiresGrad = true }: { readonly requiresGrad?: boolean } = {}) {
    const { node, runtime } = data.requiresGrad ? data.detach() : data;
    super(node, runtime);
    if (requiresGrad) this.requiresGrad_();
    else this.store();
  }
}
