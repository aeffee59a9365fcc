/**
 * Giving the user a file. Owns that one step.
 */

/** Begins a download of `content`. */
export function saveFile(name: string, content: BlobPart, type: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken hold of it when this task is over.
  setTimeout(() => URL.revokeObjectURL(url), 0);
}
