/**
 * Golden cases in which PyTorch 1.13.1, which made them, is wrong by its own later judgement. Owns the list: a case is here only with the issue that says
 * so and the version that changed it. Such a case is neither passed nor failed.
 */
const nadam = 'PyTorch 1.13.1 multiplies by mu twice in NAdam: pytorch/pytorch#92699, fixed in 2.0';

export const departures: Readonly<Record<string, string>> = {
  'shape/masked_select/003':
    'PyTorch 1.13.1 gives the gradient of a transposed input in the order of memory: pytorch/pytorch#99638, fixed in 2.1',
  'optim/optim.NAdam/001': nadam,
  'optim/optim.NAdam/003': nadam,
  'optim/optim.NAdam/004': nadam,
};
