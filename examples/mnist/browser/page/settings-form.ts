/**
 * What the user chooses before training. Owns reading the form and which device is chosen at first; the browser checks the numbers.
 */

import { element } from './element.js';
import type { DataName, DeviceName, DeviceState, Place, TrainingSettings } from './protocol.js';

const form = () => element('settings', HTMLFormElement);

/** Called with the settings when the user asks for training, which the browser allows only with a form in order. */
export function onTrain(train: (settings: TrainingSettings) => void): void {
  form().addEventListener('submit', (event) => {
    event.preventDefault();
    train(readSettings());
  });
}

/** Shows what there is, and chooses the fastest: a real graphics adapter, else the CPU. */
export function offerDevices(states: readonly DeviceState[]): void {
  for (const { name, available, detail, emulated } of states) {
    const input = element(`device-${name}`, HTMLInputElement);
    input.disabled = !available;
    element(`device-${name}-detail`, HTMLElement).textContent = emulated
      ? `${detail}: emulated, slower than the CPU`
      : detail;
  }
  const best = states.find(({ available, emulated }) => available && !emulated);
  if (best !== undefined) {
    element(`device-${best.name}`, HTMLInputElement).checked = true;
  }
}

export function readPlace(): Place {
  const given = new FormData(form());
  return { device: given.get('device') as DeviceName, data: given.get('data') as DataName };
}

function readSettings(): TrainingSettings {
  const number = (id: string) => element(id, HTMLInputElement).valueAsNumber;
  const second = number('hidden-2');
  return {
    ...readPlace(),
    hidden: Number.isNaN(second) ? [number('hidden-1')] : [number('hidden-1'), second],
    batchSize: number('batch-size'),
    seed: number('seed'),
    epochs: [number('epochs-1'), number('epochs-2')],
    lr: [number('lr-1'), number('lr-2')],
  };
}
