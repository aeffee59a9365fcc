/** The peers as a bundle has them: `peer-bundle.ts` finds them in PEERS_DIR. */
declare module 'peer:jax-js' {
  const jax: import('../children/jax-js-trainer.js').Jax;
  export = jax;
}

declare module 'peer:tfjs' {
  const tf: import('../children/tfjs-trainer.js').Tf;
  export = tf;
}
