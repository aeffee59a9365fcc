/**
 * Claims: asks the device whether a library computes a product, before anything is fused into it. Owns the question in the device's words;
 * slots in its expressions are provisional, only their form counts.
 */
import type { Device, MatmulCandidate } from '@torchlet/device';
import type { Group } from './schedule/groups.js';
import type { Item } from './schedule/item.js';

/** What the device claims of the product that `group` was opened for; null where it generates the kernel itself. */
export function claimOf(device: Device, group: Group): Group['claim'] {
  if (device.claim === undefined) return null;
  const product = group.anchors[0] as Item;
  const [a, b] = product.inputs as [Item, Item];
  const { axes, lengths, lowerer } = group;
  const batch = axes.slice(0, -3);
  const [row, column, inner] = axes.slice(-3) as [Group['axes'][number], Group['axes'][number], Group['axes'][number]];
  const [m, n, k] = lengths.slice(-3) as [number, number, number];
  const candidate: MatmulCandidate = {
    dtype: product.dtype,
    batch: lengths.slice(0, -3),
    m,
    n,
    k,
    a: lowerer.lower(a, [...batch, row, inner]),
    b: lowerer.lower(b, [...batch, inner, column]),
  };
  const claim = device.claim(candidate);
  if (claim === null) return null;
  return { library: claim.library, takes: (item, at) => claim.epilogue(lowerer.lower(item, at), 0) };
}
