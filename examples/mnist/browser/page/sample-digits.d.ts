/** What `../sample-asset.ts` provides at build time. */
declare module 'virtual:sample-digits' {
  /** Where the packed digits are, relative to the page. */
  const url: string;
  export default url;
}
