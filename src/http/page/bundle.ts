/** What the web page consists of once it is bundled; the composition root hands it over. */

export interface PageFile {
  readonly type: string
  readonly bytes: Uint8Array<ArrayBuffer>
  /** As it is sent to whoever takes it; absent: it does not get smaller. */
  readonly brotli?: Uint8Array<ArrayBuffer>
  readonly gzip?: Uint8Array<ArrayBuffer>
}

export interface PageBundle {
  /** Paths of what the document begins with. */
  readonly script: string
  readonly styles: readonly string[]
  /** Of what the script imports before it runs, so that a browser asks for all at once. */
  readonly preloads: readonly string[]
  /** By the beginning of its file's name: what is loaded for one page, beyond what the script imports. */
  readonly pages: ReadonlyMap<string, readonly string[]>
  /** By path, `/assets/NAME-HASH.EXT`: another content has another name. */
  readonly files: ReadonlyMap<string, PageFile>
}
