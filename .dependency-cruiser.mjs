/** The dependency fence: the layers of `scripts/layers.mjs`, no cycles, and platform code only behind platform entries. */
import { layers } from './scripts/layers.mjs';

const oneOf = (names) => `^packages/(${names.join('|')})/`;

const layerRules = Object.entries(layers).map(([name, allowed]) => ({
  name: `layer-${name}`,
  comment: `@torchlet/${name} may import ${allowed.length === 0 ? 'no other package' : allowed.join(', ')} (scripts/layers.mjs)`,
  severity: 'error',
  from: { path: `^packages/${name}/src/` },
  to: { path: '^packages/', pathNot: oneOf([name, ...allowed]) },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...layerRules,
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-unresolved',
      comment: 'a package of declarations alone has nothing to resolve to',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/' },
      to: { couldNotResolve: true, pathNot: '^@webgpu/types$' },
    },
    {
      name: 'no-private-root-code',
      comment: 'published code may not import examples, bench or scripts',
      severity: 'error',
      from: { path: '^packages/' },
      to: { path: '^(examples|bench|scripts|tests)/' },
    },
    {
      name: 'no-platform-in-portable-code',
      comment:
        'a browser must be able to load everything but *.node.ts (and the device plug-ins, which ask where they run)',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/', pathNot: '\\.node\\.ts$|^packages/device-' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-node-entry-in-portable-code',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/', pathNot: '\\.node\\.ts$' },
      to: { path: '\\.node\\.ts$' },
    },
    {
      name: 'no-undeclared-dependency',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|\\.torchlet)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    combinedDependencies: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@torchlet/source', 'import', 'types', 'node', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.json'],
    },
  },
};
