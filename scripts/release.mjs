/**
 * A release, rehearsed: `changeset version` on a copy of the manifests, and a dry-run publish of what was packed.
 * Each check returns a short note or throws what is wrong. `npm test` runs them; neither changes the checkout.
 */
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publishedPackages } from './packages.mjs';
import { capture, pnpm, root, workspaces } from './toolchain.mjs';

/** In a copy of the manifests, a changeset raises all packages to one new version. */
export async function checkVersioning() {
  const copy = mkdtempSync(join(tmpdir(), 'torchlet-release-'));
  try {
    copyManifests(copy);
    const names = publishedPackages().map(({ manifest }) => manifest.name);
    writeFileSync(join(copy, '.changeset', 'rehearsal.md'), `---\n'${names[0]}': patch\n---\n\nA rehearsal.\n`);
    await must('git', ['init', '--quiet'], copy);
    await must('changeset', ['version'], copy);
    const versions = new Set(publishedPackages(copy).map(({ manifest }) => manifest.version));
    if (versions.size !== 1) throw new Error(`expected one version for all packages, got ${[...versions].join(', ')}`);
    const [version] = versions;
    const now = publishedPackages()[0].manifest.version;
    if (version === now) throw new Error(`expected a version after ${now}, got the same`);
    return `${now} -> ${version}`;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** Every package could be published as it stands. */
export async function checkPublishing() {
  const output = await must(
    await pnpm(),
    ['publish', '-r', '--dry-run', '--no-git-checks', '--filter', './packages/*'],
    root,
  );
  const missing = publishedPackages().filter(
    ({ manifest }) => !output.includes(`${manifest.name}@${manifest.version}`),
  );
  if (missing.length > 0)
    throw new Error(`not published: ${missing.map(({ folder }) => folder).join(', ')}\n${output}`);
  return `${publishedPackages().length} packages`;
}

function copyManifests(copy) {
  const manifests = workspaces().map((folder) => join(folder, 'package.json'));
  const files = ['package.json', 'pnpm-workspace.yaml', '.changeset', ...manifests];
  for (const file of files) cpSync(join(root, file), join(copy, file), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'dir');
}

async function must(program, args, cwd) {
  const { code, output } = await capture(program, args, { cwd });
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}\n${output}`);
  return output;
}
