/**
 * MNIST and FashionMNIST: which files they are, where they are published, and their sums. Owns these facts and the two classes; how
 * files are found and checked is `idx-files.node.ts`, what a dataset does is `image-dataset.ts`.
 *
 * Sources: LeCun, Cortes, Burges, "The MNIST database of handwritten digits"; Xiao, Rasul, Vollgraf, "Fashion-MNIST: a Novel Image
 * Dataset for Benchmarking Machine Learning Algorithms", 2017; mirrors and sums of packed files as in torchvision.datasets.
 */

import { type FindOptions, type IdxPart, type IdxSource, loadIdxPart } from './idx-files.node.js';
import { ImageDataset } from './image-dataset.js';
import type { Transform } from './transforms.js';

export interface MnistOptions extends FindOptions {
  /** The 60,000 images to train with; false: the 10,000 to test with. True unless told. */
  readonly train?: boolean;
  /** Applied to each image, uint8 `[1, 28, 28]`. */
  readonly transform?: Transform;
}

interface Published extends IdxSource {
  readonly train: IdxPart;
  readonly test: IdxPart;
}

const mnist: Published = {
  title: 'MNIST',
  folders: ['mnist', 'MNIST/raw'],
  mirrors: ['https://ossci-datasets.s3.amazonaws.com/mnist/', 'http://yann.lecun.com/exdb/mnist/'],
  classes: ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'].map(
    (word, digit) => `${digit} - ${word}`,
  ),
  train: {
    images: {
      name: 'train-images-idx3-ubyte',
      count: 60_000,
      md5: '6bbc9ace898e44ae57da46a324031adb',
      md5Packed: 'f68b3c2dcbeaaa9fbdd348bbdeb94873',
    },
    labels: {
      name: 'train-labels-idx1-ubyte',
      count: 60_000,
      md5: 'a25bea736e30d166cdddb491f175f624',
      md5Packed: 'd53e105ee54ea40749a09fcbcd1e9432',
    },
  },
  test: {
    images: {
      name: 't10k-images-idx3-ubyte',
      count: 10_000,
      md5: '2646ac647ad5339dbf082846283269ea',
      md5Packed: '9fb629c4189551a2d022fa330f9573f3',
    },
    labels: {
      name: 't10k-labels-idx1-ubyte',
      count: 10_000,
      md5: '27ae3e4e09519cfbb04c329615203637',
      md5Packed: 'ec29112dd5afa0611ce80d1b7f02629c',
    },
  },
};

const fashionMnist: Published = {
  title: 'FashionMNIST',
  folders: ['fashion-mnist', 'FashionMNIST/raw'],
  mirrors: ['http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/'],
  classes: ['T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot'],
  train: {
    images: {
      name: 'train-images-idx3-ubyte',
      count: 60_000,
      md5: 'f4a8712d7a061bf5bd6d2ca38dc4d50a',
      md5Packed: '8d4fb7e6c68d591d4c3dfef9ec88bf0d',
    },
    labels: {
      name: 'train-labels-idx1-ubyte',
      count: 60_000,
      md5: '9018921c3c673c538a1fc5bad174d6f9',
      md5Packed: '25c81989df183df01b3e8a0aad5dffbe',
    },
  },
  test: {
    images: {
      name: 't10k-images-idx3-ubyte',
      count: 10_000,
      md5: '8181f5470baa50b63fa0f6fddb340f0a',
      md5Packed: 'bef4ecab320f06d8554ea6380940ec79',
    },
    labels: {
      name: 't10k-labels-idx1-ubyte',
      count: 10_000,
      md5: '15d484375f8d13e6eb1aabb0c3f46965',
      md5Packed: 'bb300cfdad3c16e7a12a480ee83cd310',
    },
  },
};

/**
 * Handwritten digits, 28 by 28 grey pixels, 0 to 9.
 *
 * @see torchvision.datasets.MNIST
 * @example
 * const digits = await MNIST.load({ train: true, transform: toTensor });
 * const [image, label] = digits.get(0); // float32 [1, 28, 28] in [0, 1], 5
 */
export class MNIST extends ImageDataset {
  /**
   * Finds the IDX files, gzipped or not, in TORCHLET_DATA (`mnist/`, `MNIST/raw/` or the folder itself) or the cache folder; else
   * downloads them from the public mirrors into the cache folder, checked by MD5.
   *
   * @throws DataNotFoundError if they are nowhere and can't be downloaded; FormatError with the reason if a file is truncated,
   *   mislabelled or corrupt.
   */
  static load(options: MnistOptions = {}): Promise<MNIST> {
    return load(mnist, options, MNIST);
  }
}

/**
 * Pieces of clothing, 28 by 28 grey pixels, ten classes; a drop-in replacement of MNIST.
 *
 * @see torchvision.datasets.FashionMNIST
 * @example
 * const clothes = await FashionMNIST.load({ train: false, transform: toTensor });
 * clothes.classes[clothes.get(0)[1]]; // 'Ankle boot'
 */
export class FashionMNIST extends ImageDataset {
  /**
   * As `MNIST.load`, in `fashion-mnist/`, `FashionMNIST/raw/` or the folder itself.
   *
   * @throws DataNotFoundError if the files are nowhere and can't be downloaded; FormatError with the reason if one is truncated,
   *   mislabelled or corrupt.
   */
  static load(options: MnistOptions = {}): Promise<FashionMNIST> {
    return load(fashionMnist, options, FashionMNIST);
  }
}

async function load<Kind extends ImageDataset>(
  source: Published,
  { train = true, transform, ...find }: MnistOptions,
  Kind: new (...from: ConstructorParameters<typeof ImageDataset>) => Kind,
): Promise<Kind> {
  const { images, labels } = await loadIdxPart(source, train ? source.train : source.test, find);
  return new Kind(images, labels, { classes: source.classes, ...(transform && { transform }) });
}
