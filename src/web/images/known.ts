import type { Image, ImageContentsState } from '../../api/images.ts'
import type { ImagePlace } from '../api/images.ts'
import type { ImageSearch } from './image-search.ts'

/** What every part of an image's page is given. */
export interface Known {
  readonly place: ImagePlace
  readonly image: Image
  /** Of the platform that is chosen. */
  readonly contents: ImageContentsState
  readonly search: ImageSearch
  /** Changes the address. */
  readonly show: (change: ImageSearch) => void
}
