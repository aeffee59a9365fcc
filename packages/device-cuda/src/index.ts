/** The CUDA device plug-in: `cuda()` opens it. Owns the list of what is public. */
export { addonFiles } from './native/find-addon.js';
