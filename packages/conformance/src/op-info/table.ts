/** The op table: one row per operation, joined from the files by family. What a row says is in `row.ts`; what is done with it in `../suites`. */
import { activationRows } from './activation-rows.js';
import { arrangementRows } from './arrangement-rows.js';
import { binaryRows } from './binary-rows.js';
import { indexRows } from './index-rows.js';
import { linalgRows } from './linalg-rows.js';
import { mathRows } from './math-rows.js';
import { movementRows } from './movement-rows.js';
import { productRows } from './product-rows.js';
import { reductionRows } from './reduction-rows.js';
import { networkRows } from './network-rows.js';
import type { OpRow } from './row.js';
import { scanRows } from './scan-rows.js';
import { selectionRows } from './selection-rows.js';
import { statisticsRows } from './statistics-rows.js';
import { unaryRows } from './unary-rows.js';

export const opTable: readonly OpRow[] = [
  ...unaryRows,
  ...mathRows,
  ...activationRows,
  ...binaryRows,
  ...reductionRows,
  ...movementRows,
  ...selectionRows,
  ...arrangementRows,
  ...indexRows,
  ...scanRows,
  ...linalgRows,
  ...statisticsRows,
  ...networkRows,
  ...productRows,
];
