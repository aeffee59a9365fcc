/** Nodes, shapes, the table of primitives, their plain meaning and a reference evaluator. */
export {};
