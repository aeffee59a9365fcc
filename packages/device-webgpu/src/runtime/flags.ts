/** Numbers that the WebGPU specification fixes, so that no global of a browser is needed. */
export const bufferUsage = {
  mapRead: 0x1,
  copySource: 0x4,
  copyTarget: 0x8,
  uniform: 0x40,
  storage: 0x80,
  queryResolve: 0x200,
} as const;

export const computeStage = 4;
export const mapRead = 1;
