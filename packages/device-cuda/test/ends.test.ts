/** How a process and its threads end while devices work: nothing hangs, nothing crashes, and what a thread had is given back. */
import { describe, expect, it } from 'vitest';
import { child } from './child.js';
import { noStandin, onStandin } from './standin-driver.js';

const nothing = {
  deviceBytes: 0,
  device: 0,
  host: 0,
  streams: 0,
  events: 0,
  modules: 0,
  graphs: 0,
  execs: 0,
  contexts: 0,
};

describe.skipIf(noStandin !== null)(onStandin('a process ends'), () => {
  it('by itself, once what it reads was read', async () => {
    expect(await child('ends', ['by itself'])).toEqual({ code: 0, signal: null, lines: ['true'], errors: '' });
  });

  it.each(['by process.exit', 'by process.exit in the middle of a kernel'])('%s, without waiting', async (how) => {
    expect(await child('ends', [how])).toEqual({ code: 0, signal: null, lines: [''], errors: '' });
  });

  it('by an error that nobody catches', async () => {
    const { code, signal, errors } = await child('ends', ['by an error that nobody catches']);
    expect({ code, signal }).toEqual({ code: 1, signal: null });
    expect(errors).toContain('on purpose');
  });

  it('after dispose with a read under way, which is told', async () => {
    const { code, lines } = await child('ends', ['after dispose, with a read under way']);
    expect({ code, told: lines[0] }).toEqual({ code: 0, told: 'cuda:0 was disposed' });
    expect(JSON.parse(lines[1] ?? '')).toEqual(nothing);
  });

  it('with devices dropped, which are closed when they are collected', async () => {
    const { code, lines } = await child('ends', ['with devices dropped']);
    expect(code).toBe(0);
    expect(JSON.parse(lines[0] ?? '')).toEqual(nothing);
  });

  it('with worker threads that each opened a device, some of them terminated', async () => {
    const { code, signal, lines, errors } = await child('workers');
    expect({ code, signal, errors }).toEqual({ code: 0, signal: null, errors: '' });
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      right: Array.from({ length: 4 }, () => [true, true, true, true, true]),
      codes: [0, 1, 0, 1],
      afterwards: true,
      alive: nothing,
    });
  });

  it('with workers terminated at any moment, again and again', async () => {
    expect(await child('terminations')).toEqual({ code: 0, signal: null, lines: ['30'], errors: '' });
  });
});
