/** One tag of a long table: plain elements, so that ten thousand of them scroll. */
import { Table } from '@mantine/core'
import { memo } from 'react'
import type { Tag } from '../../api/tags.ts'
import { bytes } from '../format/sizes.ts'
import { ImageLink } from '../images/image-link.tsx'
import { Digest, Time } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'
import { AttestedWords } from './attested-words.tsx'
import { pulledAt } from './sort-tags.ts'
import { TagMarks } from './tag-marks.tsx'

const SHOWN_PLATFORMS = 2

/** The same row is not made anew for each line that is scrolled. */
export const TagRow = memo(function Row(o: {
  readonly repository: string
  readonly tag: Tag
  readonly isChosen: boolean
  /** Undefined: none can be chosen. */
  readonly onChoose: ((tag: string) => void) | undefined
  readonly hasPulls: boolean
  /** What is attached stands below the name. */
  readonly isPhone: boolean
  readonly onHistory: ((tag: string) => void) | undefined
}) {
  const { text, language } = useSpeech()
  const { tag, onChoose, onHistory } = o
  const more = tag.platformCount - Math.min(SHOWN_PLATFORMS, tag.platforms.length)
  const atLeast = tag.isPartial ? '≥ ' : ''
  const pulled = pulledAt(tag)
  return (
    <>
      {onChoose === undefined ? null : (
        <Table.Td>
          <input
            type="checkbox"
            checked={o.isChosen}
            onChange={() => onChoose(tag.name)}
            aria-label={text.tags.chooseOne(tag.name)}
          />
        </Table.Td>
      )}
      <Table.Td>
        <ImageLink repository={o.repository} reference={tag.name} /> <TagMarks tag={tag} />
        {o.isPhone && tag.attested.length > 0 ? (
          <span className="on-phone">
            <AttestedWords kinds={tag.attested} />
          </span>
        ) : null}
      </Table.Td>
      <Table.Td visibleFrom="sm">
        <Digest digest={tag.digest} />
      </Table.Td>
      <Table.Td visibleFrom="sm" c="dimmed" title={tag.platforms.join(', ')}>
        {tag.platforms.slice(0, SHOWN_PLATFORMS).join(', ') || '–'}
        {more > 0 ? ` ${text.tags.more(more)}` : ''}
      </Table.Td>
      <Table.Td visibleFrom="sm" {...(tag.referrers === 0 ? {} : { title: text.tags.attached(tag.referrers) })}>
        {tag.attested.length === 0 || o.isPhone ? '–' : <AttestedWords kinds={tag.attested} />}
      </Table.Td>
      <Table.Td ta="right" className="one-line">{`${atLeast}${bytes(tag.sizeBytes, language)}`}</Table.Td>
      <Table.Td ta="right">
        <Time at={tag.movedAt} />
      </Table.Td>
      {o.hasPulls ? (
        <Table.Td visibleFrom="sm" ta="right">
          {pulled === undefined ? '–' : <Time at={pulled} />}
        </Table.Td>
      ) : null}
      {onHistory === undefined ? null : (
        <Table.Td visibleFrom="sm" ta="right">
          <button
            type="button"
            className="quiet"
            onClick={() => onHistory(tag.name)}
            aria-label={text.tags.historyOf(tag.name)}
          >
            {text.tags.history}
          </button>
        </Table.Td>
      )}
    </>
  )
})
