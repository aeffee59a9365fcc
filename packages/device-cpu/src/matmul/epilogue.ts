/**
 * What becomes of a finished tile: its sums are put aside between pieces of k, and at last given to the kernel's stores, four columns at a
 * time. Owns the choice between writing the stores out for every group of a tile and a loop over the tile in scratch; what a store
 * does is `loop/points.ts`.
 */
import { postorder, storeParts } from '@torchlet/device';
import { i32, type Local, type Value } from '../wasm/index.js';
import { type MatmulSite, moved } from './matmul-site.js';
import { groupCount, type TileShape, type TileSums } from './tile.js';

/** Expressions of stores, times groups of a tile, that are written out rather than looped over. */
const mostWrittenOut = 400;

/** Stores the sums of the tile at (`row`, `column`). */
export function emitStores(site: MatmulSite, shape: TileShape, sums: TileSums, row: Local, column: Local): void {
  const roots = storeParts(site.kernel.stores);
  const groups = shape.rows * Math.ceil(shape.width / 4);
  if (postorder(roots).length * groups > mostWrittenOut && groups > 2)
    return storeLooped(site, shape, sums, row, column);
  eachGroup(sums, (pieces, r, group) => {
    const at = { row: { local: row, offset: r }, column: { local: column, offset: 4 * group } };
    store(site, at, groupCount(shape.width, group), pieces);
  });
}

function eachGroup(sums: TileSums, run: (pieces: readonly Local[], row: number, group: number) => void): void {
  sums.forEach((groups, row) => {
    groups.forEach((pieces, group) => {
      run(pieces, row, group);
    });
  });
}

function store(
  site: MatmulSite,
  at: Parameters<MatmulSite['pointsAt']>[0],
  count: ReturnType<typeof groupCount>,
  pieces: readonly Value[],
): void {
  site.points.store(site.kernel.stores, site.pointsAt(at, 'column', count, new Map([[site.kernel.result, pieces]])));
}

function storeLooped(site: MatmulSite, { rows, width }: TileShape, sums: TileSums, row: Local, column: Local): void {
  const { f, memory, arithmetic, scratch } = site;
  const groups = Math.ceil(width / 4);
  const groupBytes = 4 * arithmetic.width;
  const pointer = f.let('finished', site.inScratch(scratch.tile));
  eachGroup(sums, (pieces, r, group) => memory.store(pointer, (r * groups + group) * groupBytes, pieces, 4));
  const whole = Math.floor(width / 4);
  const r = f.let('row', row);
  f.repeat(r, f.let('rowsEnd', i32.add(row, rows)), 1, () => {
    const c = f.let('column', column);
    const group = (count: ReturnType<typeof groupCount>) => {
      const pieces = memory.load(pointer, 0, 4).map((piece) => f.let('sum', piece));
      store(site, { row: { local: r, offset: 0 }, column: { local: c, offset: 0 } }, count, pieces);
      f.advance(pointer, groupBytes);
    };
    if (whole > 0) f.repeat(c, f.let('columnsEnd', i32.add(column, 4 * whole)), 4, () => group(4));
    if (width % 4 > 0) group(groupCount(width, whole));
  });
}

/**
 * Between pieces of k: adds what was put aside for the tile at (`row`, `column`) unless this piece is the first, and puts the sums aside
 * unless it is the last; then runs `finish`.
 */
export function emitPartialSums(
  site: MatmulSite,
  sums: TileSums,
  place: { readonly row: Local; readonly column: Local; readonly blockStart: Local },
  piece: { readonly isFirst: Value; readonly isLast: Value },
  finish: () => void,
): void {
  const { f, memory, arithmetic, scratch } = site;
  const line = moved(site.inScratch(scratch.sums), i32.sub(place.row, place.blockStart), scratch.sumsRow);
  const pointer = f.let('aside', moved(line, place.column, arithmetic.width));
  const offset = (r: number, group: number) => r * scratch.sumsRow + 4 * group * arithmetic.width;
  f.if(
    piece.isFirst,
    () => {},
    () =>
      eachGroup(sums, (pieces, r, group) => {
        memory.load(pointer, offset(r, group), 4).forEach((earlier, i) => {
          const sum = pieces[i] as Local;
          f.set(sum, arithmetic.add(sum, earlier));
        });
      }),
  );
  f.if(piece.isLast, finish, () =>
    eachGroup(sums, (pieces, r, group) => memory.store(pointer, offset(r, group), pieces, 4)),
  );
}
