/**
 * The entry of the worker. Owns nothing: a trainer is made, and the page may call it.
 */

import { expose } from 'comlink';
import { Trainer } from './trainer.js';

expose(new Trainer());
