/** The assembler of the CUDA toolkit, where it is installed: what it says of a module. Owns running it and reading its report. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why nothing can be assembled here; null where it can. */
export const noAssembler: string | null =
  spawnSync('ptxas', ['--version']).status === 0 ? null : 'ptxas, of the CUDA toolkit, is not in PATH';

/** What one entry takes. */
export interface Usage {
  readonly entry: string;
  readonly registers: number;
  readonly spilledBytes: number;
}

/** What the assembler says where it makes products of warpgroups wait for each other. */
const serialised = /^.*(?:Potential Performance Loss|is injected in).*$/m;

/** Assembles a module for `architecture`. @throws Error with what the assembler says, also where it slows products down to have them right. */
export function assemble(ptx: string, architecture: string): Usage[] {
  const folder = mkdtempSync(join(tmpdir(), 'torchlet-ptx-'));
  try {
    const source = join(folder, 'module.ptx');
    writeFileSync(source, ptx);
    const output = join(folder, 'module.cubin');
    const { status, stderr } = spawnSync('ptxas', ['-v', '-arch', architecture, source, '-o', output], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(stderr.slice(0, 2000));
    const loss = serialised.exec(stderr);
    if (loss !== null) throw new Error(loss[0]);
    return usages(stderr);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function usages(report: string): Usage[] {
  return report
    .split("Compiling entry function '")
    .slice(1)
    .map((part) => ({
      entry: part.slice(0, part.indexOf("'")),
      registers: Number(/Used (\d+) registers/.exec(part)?.[1]),
      spilledBytes: Number(/(\d+) bytes spill stores/.exec(part)?.[1]),
    }));
}
