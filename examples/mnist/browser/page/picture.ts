/**
 * Grey bytes as a small picture. Owns that one drawing.
 */

/** Paints `pixels`, as many by as many, in ink of the canvas's text colour on nothing. */
export function paint(canvas: HTMLCanvasElement, pixels: Uint8Array): void {
  const side = Math.sqrt(pixels.length);
  canvas.width = side;
  canvas.height = side;
  const context = canvas.getContext('2d');
  if (context === null) {
    return;
  }
  const image = new ImageData(side, side);
  for (const [index, ink] of pixels.entries()) {
    image.data[index * 4 + 3] = ink;
  }
  context.putImageData(image, 0, 0);
  // Only where there is ink already.
  context.globalCompositeOperation = 'source-in';
  context.fillStyle = getComputedStyle(canvas).color;
  context.fillRect(0, 0, side, side);
}
