/** `npm run pnpm -- add x`: the pinned pnpm, for those who change dependencies. */
import { callerFolder, pnpm, requireNode, run } from './toolchain.mjs';

requireNode();
const { code } = await run(await pnpm(), process.argv.slice(2), { cwd: callerFolder, stdio: 'inherit' });
process.exitCode = code;
