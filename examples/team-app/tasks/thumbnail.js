import { defineTask, InputError } from 'millrace';
import { z } from 'zod';

export default defineTask({
  summary: 'Make a picture small',
  input: z.strictObject({ image: z.instanceof(Uint8Array), width: z.int().min(16).max(1024) }),
  output: { contentType: 'image/png' },
  cost: ({ image }) => 5_000 + image.length / 50,
  // Loaded by the threads alone: the event loops import this file, too, but need no sharp.
  async setup() {
    const { default: sharp } = await import('sharp');
    // One picture, one thread: the lane counts it.
    sharp.concurrency(1);
    return sharp;
  },
  async run({ image, width }, { setup: sharp }) {
    try {
      return await sharp(image, { limitInputPixels: 50_000_000 }).resize({ width }).png().toBuffer();
    } catch {
      throw new InputError('is no picture that can be read', 'image');
    }
  },
});
