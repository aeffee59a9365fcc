import { Interpreter } from './interpret.js';
export const cpu = async () => new Interpreter();
