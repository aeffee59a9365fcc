/** The reason why a case cannot be run yet. Such a case is neither passed nor failed. */
export class Unsupported extends Error {
  override readonly name = 'Unsupported';
}
