/** The dtypes by PyTorch's names, for those who write `torch.long`: each is the string that a `dtype` option takes, and that `x.dtype` is. */
export const float32 = 'float32';
export const float64 = 'float64';
export const float16 = 'float16';
export const bfloat16 = 'bfloat16';
export const int64 = 'int64';
export const int32 = 'int32';
export const int16 = 'int16';
export const int8 = 'int8';
export const uint8 = 'uint8';
export const bool = 'bool';
/** `float32`. */
export const float = float32;
/** `float64`. */
export const double = float64;
/** `float16`. */
export const half = float16;
/** `int64`. */
export const long = int64;
/** `int32`. */
export const int = int32;
