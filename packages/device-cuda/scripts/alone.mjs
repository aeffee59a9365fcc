/**
 * One process at a time does a piece of work that others wait for: the builds of this package, which several test files and commands want at once. Owns
 * the lock, a file that names its process.
 */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';

const pause = 100;
/** A lock without its owner's number is being written, unless it is older than this. */
const settled = 5_000;

/** Does `work` while this process has the lock, and waits for it before. Locks whose process has ended count for nothing. */
export async function alone(lockFile, work) {
  while (!takeLock(lockFile)) await new Promise((wake) => setTimeout(wake, pause));
  try {
    return await work();
  } finally {
    rmSync(lockFile, { force: true });
  }
}

function takeLock(lockFile) {
  try {
    writeFileSync(lockFile, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (isLeftBehind(lockFile)) rmSync(lockFile, { force: true });
    return false;
  }
}

function isLeftBehind(lockFile) {
  try {
    const owner = Number(readFileSync(lockFile, 'utf8'));
    if (!owner) return Date.now() - statSync(lockFile).mtimeMs > settled;
    process.kill(owner, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH' || error.code === 'ENOENT';
  }
}
