/**
 * How PyTorch's calls are written in Torchlet, for operations where that is more than camelCase: one line each, PyTorch's parameter names in
 * PyTorch's order. What stands before the bar is positional in Torchlet too; what stands after it goes into the options object, in camelCase. An
 * operation without a line passes its positional arguments on and its keyword arguments as options.
 *
 * Source of names and orders: PyTorch's API reference (pytorch.org/docs), version 1.13, and 2.4 for what came later.
 */

interface Signature {
  readonly positional: readonly string[];
  readonly options: readonly string[];
}

const pooling = 'input kernel_size | stride padding';

const functions = {
  add: 'input other | alpha',
  sub: 'input other | alpha',
  rsub: 'input other | alpha',
  div: 'input other | rounding_mode',
  round: 'input | decimals',
  nan_to_num: 'input | nan posinf neginf',
  logit: 'input eps',
  clamp: 'input min max',
  clip: 'input min max',
  clamp_min: 'input min',
  clamp_max: 'input max',
  addcmul: 'input tensor1 tensor2 | value',
  addcdiv: 'input tensor1 tensor2 | value',
  lerp: 'input end weight',
  isclose: 'input other | rtol atol equal_nan',
  allclose: 'input other | rtol atol equal_nan',
  where: 'condition input other',

  sum: 'input dim | keepdim dtype',
  nansum: 'input dim | keepdim dtype',
  mean: 'input dim | keepdim dtype',
  nanmean: 'input dim | keepdim dtype',
  prod: 'input dim | keepdim dtype',
  amax: 'input dim | keepdim',
  amin: 'input dim | keepdim',
  aminmax: 'input | dim keepdim',
  max: 'input dim | keepdim',
  min: 'input dim | keepdim',
  median: 'input dim | keepdim',
  nanmedian: 'input dim | keepdim',
  mode: 'input dim | keepdim',
  kthvalue: 'input k dim | keepdim',
  quantile: 'input q dim | keepdim interpolation',
  nanquantile: 'input q dim | keepdim interpolation',
  all: 'input dim | keepdim',
  any: 'input dim | keepdim',
  argmax: 'input dim | keepdim',
  argmin: 'input dim | keepdim',
  logsumexp: 'input dim | keepdim',
  var: 'input dim | unbiased keepdim correction',
  std: 'input dim | unbiased keepdim correction',
  var_mean: 'input dim | unbiased keepdim correction',
  std_mean: 'input dim | unbiased keepdim correction',
  norm: 'input p dim | keepdim dtype',
  count_nonzero: 'input dim',
  cumsum: 'input dim | dtype',
  cumprod: 'input dim | dtype',
  cummax: 'input dim',
  cummin: 'input dim',
  logcumsumexp: 'input dim',
  diff: 'input n dim | prepend append',
  bincount: 'input weights | minlength',
  histc: 'input bins min max',
  unique: 'input | sorted return_inverse return_counts dim',
  unique_consecutive: 'input | return_inverse return_counts dim',
  softmax: 'input dim | dtype',
  log_softmax: 'input dim | dtype',
  softmin: 'input dim | dtype',
  'linalg.vector_norm': 'x ord dim | keepdim dtype',
  'linalg.matrix_norm': 'A ord dim | keepdim dtype',
  'linalg.norm': 'A ord dim | keepdim dtype',

  flatten: 'input start_dim end_dim',
  unflatten: 'input dim sizes',
  squeeze: 'input dim',
  unsqueeze: 'input dim',
  cat: 'tensors dim',
  concat: 'tensors dim',
  stack: 'tensors dim',
  split: 'tensor split_size_or_sections dim',
  tensor_split: 'input indices_or_sections dim',
  chunk: 'input chunks dim',
  unbind: 'input dim',
  roll: 'input shifts dims',
  rot90: 'input k dims',
  flip: 'input dims',
  repeat_interleave: 'input repeats dim',
  diagonal: 'input offset dim1 dim2',
  diag: 'input diagonal',
  diag_embed: 'input offset dim1 dim2',
  diagflat: 'input offset',
  tril: 'input diagonal',
  triu: 'input diagonal',
  tril_indices: 'row col offset | dtype',
  triu_indices: 'row col offset | dtype',
  as_strided: 'input size stride storage_offset',
  take: 'input index',
  take_along_dim: 'input indices dim',
  gather: 'input dim index',
  scatter: 'input dim index src | reduce',
  scatter_add: 'input dim index src',
  scatter_reduce: 'input dim index src | reduce include_self',
  index_select: 'input dim index',
  index_add: 'input dim index source | alpha',
  index_copy: 'input dim index source',
  index_fill: 'input dim index value',
  index_put: 'input indices values | accumulate',
  masked_fill: 'input mask value',
  topk: 'input k dim | largest sorted',
  sort: 'input dim | descending stable',
  argsort: 'input dim | descending stable',
  searchsorted: 'sorted_sequence input | out_int32 right side',
  bucketize: 'input boundaries | out_int32 right',
  full: 'size fill_value | dtype',
  full_like: 'input fill_value | dtype',
  linspace: 'start end steps | dtype',
  logspace: 'start end steps | base dtype',
  eye: 'n m | dtype',

  addmm: 'input mat1 mat2 | beta alpha',
  addmv: 'input mat vec | beta alpha',
  addr: 'input vec1 vec2 | beta alpha',
  baddbmm: 'input batch1 batch2 | beta alpha',
  addbmm: 'input batch1 batch2 | beta alpha',
  tensordot: 'a b | dims',
  cross: 'input other | dim',

  leaky_relu: 'input | negative_slope inplace',
  rrelu: 'input | lower upper training inplace',
  elu: 'input | alpha inplace',
  selu: 'input | inplace',
  celu: 'input | alpha inplace',
  gelu: 'input | approximate',
  softplus: 'input | beta threshold',
  hardtanh: 'input | min_val max_val inplace',
  hardshrink: 'input | lambd',
  softshrink: 'input | lambd',
  threshold: 'input threshold value | inplace',
  glu: 'input dim',
  dropout: 'input | p training inplace',
  normalize: 'input | p dim eps',
  cosine_similarity: 'x1 x2 | dim eps',
  pairwise_distance: 'x1 x2 | p eps keepdim',
  pad: 'input pad | mode value',
  one_hot: 'tensor num_classes',

  conv1d: 'input weight bias | stride padding dilation groups',
  conv2d: 'input weight bias | stride padding dilation groups',
  conv3d: 'input weight bias | stride padding dilation groups',
  conv_transpose1d: 'input weight bias | stride padding output_padding groups dilation',
  conv_transpose2d: 'input weight bias | stride padding output_padding groups dilation',
  conv_transpose3d: 'input weight bias | stride padding output_padding groups dilation',
  fold: 'input output_size kernel_size | dilation padding stride',
  max_pool1d: `${pooling} dilation ceil_mode return_indices`,
  max_pool2d: `${pooling} dilation ceil_mode return_indices`,
  max_pool3d: `${pooling} dilation ceil_mode return_indices`,
  avg_pool1d: `${pooling} ceil_mode count_include_pad`,
  avg_pool2d: `${pooling} ceil_mode count_include_pad divisor_override`,
  avg_pool3d: `${pooling} ceil_mode count_include_pad divisor_override`,
  lp_pool1d: 'input norm_type kernel_size | stride ceil_mode',
  lp_pool2d: 'input norm_type kernel_size | stride ceil_mode',
  max_unpool1d: 'input indices kernel_size | stride padding output_size',
  max_unpool2d: 'input indices kernel_size | stride padding output_size',
  max_unpool3d: 'input indices kernel_size | stride padding output_size',
  affine_grid: 'theta size | align_corners',
  cdist: 'x1 x2 p',
  pdist: 'input p',
  cov: 'input | correction',
  adaptive_max_pool1d: 'input output_size | return_indices',
  adaptive_max_pool2d: 'input output_size | return_indices',
  interpolate: 'input | size scale_factor mode align_corners recompute_scale_factor antialias',
  upsample: 'input | size scale_factor mode align_corners',
  grid_sample: 'input grid | mode padding_mode align_corners',

  batch_norm: 'input running_mean running_var | weight bias training momentum eps',
  instance_norm: 'input | running_mean running_var weight bias use_input_stats momentum eps',
  layer_norm: 'input normalized_shape | weight bias eps',
  group_norm: 'input num_groups | weight bias eps',
  rms_norm: 'input normalized_shape | weight eps',
  local_response_norm: 'input size | alpha beta k',
  linear: 'input weight bias',
  bilinear: 'input1 input2 weight bias',
  embedding: 'input weight | padding_idx max_norm norm_type scale_grad_by_freq sparse',
  embedding_bag:
    'input weight offsets | max_norm norm_type scale_grad_by_freq mode sparse per_sample_weights include_last_offset padding_idx',
  scaled_dot_product_attention: 'query key value | attn_mask dropout_p is_causal scale',

  cross_entropy: 'input target | weight size_average ignore_index reduce reduction label_smoothing',
  nll_loss: 'input target | weight size_average ignore_index reduce reduction',
  mse_loss: 'input target | size_average reduce reduction',
  l1_loss: 'input target | size_average reduce reduction',
  smooth_l1_loss: 'input target | size_average reduce reduction beta',
  huber_loss: 'input target | reduction delta',
  binary_cross_entropy: 'input target | weight size_average reduce reduction',
  binary_cross_entropy_with_logits: 'input target | weight size_average reduce reduction pos_weight',
  kl_div: 'input target | size_average reduce reduction log_target',
  hinge_embedding_loss: 'input target | margin size_average reduce reduction',
  margin_ranking_loss: 'input1 input2 target | margin size_average reduce reduction',
  cosine_embedding_loss: 'input1 input2 target | margin size_average reduce reduction',
  triplet_margin_loss: 'anchor positive negative | margin p eps swap size_average reduce reduction',
  soft_margin_loss: 'input target | size_average reduce reduction',
  multi_margin_loss: 'input target | p margin weight size_average reduce reduction',
  multilabel_margin_loss: 'input target | size_average reduce reduction',
  multilabel_soft_margin_loss: 'input target | weight size_average reduce reduction',
  poisson_nll_loss: 'input target | log_input full size_average eps reduce reduction',
  gaussian_nll_loss: 'input target var | full eps reduction',
  ctc_loss: 'log_probs targets input_lengths target_lengths | blank reduction zero_infinity',
} as const satisfies Record<string, string>;

/** Where a method, or a function of another namespace, has other parameters than the function of the same name above. */
const exceptions: Readonly<Record<string, string>> = {
  'nn.functional.unfold': 'input kernel_size | dilation padding stride',
  'Tensor.unfold': 'self dimension size step',
  'Tensor.to': 'self dtype',
};

const classes: Readonly<Record<string, string>> = {
  'nn.Linear': 'in_features out_features | bias',
  'nn.Bilinear': 'in1_features in2_features out_features | bias',
  'nn.MultiheadAttention': 'embed_dim num_heads | dropout bias add_bias_kv add_zero_attn kdim vdim batch_first',
  'nn.TransformerEncoderLayer':
    'd_model nhead | dim_feedforward dropout activation layer_norm_eps batch_first norm_first bias',
  'nn.TransformerDecoderLayer':
    'd_model nhead | dim_feedforward dropout activation layer_norm_eps batch_first norm_first bias',
  'nn.Upsample': '| size scale_factor mode align_corners',
  'nn.Softmax': 'dim',
  'nn.LogSoftmax': 'dim',
  'nn.Softmin': 'dim',
  'nn.GLU': 'dim',
  'nn.Dropout': 'p',
  'nn.Threshold': 'threshold value',
  'nn.Flatten': 'start_dim end_dim',
};

/** What the call of a module takes, where it takes more than tensors. */
const forwards: Readonly<Record<string, string>> = {
  'nn.MultiheadAttention': 'query key value | key_padding_mask need_weights attn_mask average_attn_weights is_causal',
  'nn.TransformerEncoderLayer': 'src | src_mask src_key_padding_mask is_causal',
  'nn.TransformerDecoderLayer':
    'tgt memory | tgt_mask memory_mask tgt_key_padding_mask memory_key_padding_mask tgt_is_causal memory_is_causal',
};

function parsed(line: string | undefined): Signature | null {
  if (line === undefined) return null;
  const [positional = '', options = ''] = line.split('|');
  return { positional: words(positional), options: words(options) };
}

function words(text: string): string[] {
  return text.split(' ').filter((word) => word !== '');
}

/** The signature of a function or method by PyTorch's name, or null where camelCase is all there is to it. */
export function functionSignature(op: string): Signature | null {
  const plain = op.replace(/^(torch|nn\.functional|Tensor)\./, '').replace(/_$/, '');
  return parsed(
    exceptions[op] ?? (Object.hasOwn(functions, plain) ? functions[plain as keyof typeof functions] : undefined),
  );
}

export function constructorSignature(op: string): Signature | null {
  return parsed(classes[op]);
}

export function forwardSignature(op: string): Signature | null {
  return parsed(forwards[op]);
}

/** `label_smoothing` to `labelSmoothing` and `T_max` to `tMax`; a trailing underscore (in place) stays. */
export function camelCase(name: string): string {
  return name
    .replace(/^[A-Z]_/, (start) => start.toLowerCase())
    .replace(/_+([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/**
 * A call in PyTorch's form as the argument list of Torchlet's.
 *
 * @param args positional arguments, `self` included. @param kwargs keyword arguments by PyTorch's names.
 */
export function argumentList(
  signature: Signature | null,
  args: readonly unknown[],
  kwargs: ReadonlyMap<string, unknown>,
): unknown[] {
  if (signature === null) return kwargs.size === 0 ? [...args] : [...args, optionsOf(kwargs)];
  const { positional, options } = signature;
  const named = new Map(kwargs);
  const list: unknown[] = args.slice(0, positional.length);
  for (const [i, value] of args.slice(positional.length).entries()) {
    const name = options[i];
    // More arguments than the line knows: the call may be of another form (torch.max of two tensors), so it passes them on.
    if (name === undefined) return [...args, ...(kwargs.size === 0 ? [] : [optionsOf(kwargs)])];
    named.set(name, value);
  }
  for (const [i, name] of positional.entries()) {
    if (!named.has(name)) continue;
    list[i] = named.get(name);
    named.delete(name);
  }
  const dense = Array.from(list);
  if (named.size === 0) return dense;
  while (dense.length < positional.length) dense.push(undefined);
  return [...dense, optionsOf(named)];
}

function optionsOf(kwargs: ReadonlyMap<string, unknown>): Record<string, unknown> {
  return Object.fromEntries([...kwargs].map(([name, value]) => [camelCase(name), value]));
}
