/** Probability distributions, as PyTorch's `torch.distributions`. Start reading at `distribution.ts`. */
export { Exponential, Laplace, Normal, Uniform } from './continuous.js';
export { Bernoulli, Categorical, type Odds } from './discrete.js';
export { Distribution, type DistributionParameter, type DrawOptions } from './distribution.js';
export { Independent, klDivergence } from './divergence.js';
