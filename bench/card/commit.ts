/** Of which sources a run is: what results and archives are marked with. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The commit of this checkout; a packed run was told. */
export function commit(): string {
  const told = process.env['TORCHLET_COMMIT'];
  if (told !== undefined) return told;
  const folder = path.dirname(fileURLToPath(import.meta.url));
  const { status, stdout } = spawnSync('git', ['describe', '--always', '--dirty'], { cwd: folder, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : 'unknown';
}
