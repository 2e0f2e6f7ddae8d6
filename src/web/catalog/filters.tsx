/** What narrows the catalog down, and how it is shown; all of it stands in the address. */
import { Button, Group, MultiSelect, SegmentedControl, Select, TextInput, VisuallyHidden } from '@mantine/core'
import { AppsIcon, SearchIcon, TableIcon, XIcon } from '@primer/octicons-react'
import type { ReactNode } from 'react'
import type { CatalogEntry } from '../../api/catalog.ts'
import { useSpeech } from '../text/language.tsx'
import {
  type CatalogSearch,
  COMPLIANCE,
  choicesOf,
  familyOf,
  filtersOf,
  KINDS,
  SHOWN,
  SORTS,
  SUPPORT,
} from './catalog-search.ts'

type Change = (changed: { readonly [key in keyof CatalogSearch]?: CatalogSearch[key] | undefined }) => void

interface Part {
  readonly search: CatalogSearch
  readonly change: Change
}

export function SearchLine(o: Part & { readonly upstreams: readonly string[] }) {
  const { text } = useSpeech()
  const { search, change } = o
  return (
    <Group align="flex-end">
      <TextInput
        label={text.catalog.searchLabel}
        type="search"
        leftSection={<SearchIcon aria-hidden="true" />}
        value={search.q ?? ''}
        onChange={(event) => change({ q: event.currentTarget.value || undefined })}
        flex={1}
        miw={200}
      />
      {o.upstreams.length < 2 ? null : (
        <Select
          label={text.catalog.upstream}
          data={[{ value: '', label: text.catalog.allUpstreams }, ...o.upstreams]}
          value={search.upstream ?? ''}
          onChange={(chosen) => change({ upstream: chosen || undefined })}
          allowDeselect={false}
          w={170}
        />
      )}
      <Select
        label={text.catalog.sort}
        data={SORTS.map((value) => ({ value, label: text.catalog.sorts[value] }))}
        value={search.sort ?? 'name'}
        onChange={(chosen) => change({ sort: (chosen ?? 'name') as (typeof SORTS)[number] })}
        allowDeselect={false}
        w={170}
      />
      <SegmentedControl
        aria-label={text.catalog.view}
        value={search.view ?? 'cards'}
        onChange={(view) => change({ view: view as NonNullable<CatalogSearch['view']> })}
        data={[
          { value: 'cards', label: <Sign icon={<AppsIcon />} word={text.catalog.views.cards} /> },
          { value: 'table', label: <Sign icon={<TableIcon />} word={text.catalog.views.table} /> },
        ]}
      />
    </Group>
  )
}

function Sign({ icon, word }: { readonly icon: ReactNode; readonly word: string }) {
  return (
    <span title={word}>
      {icon}
      <VisuallyHidden>{word}</VisuallyHidden>
    </span>
  )
}

/** Only what tells entries apart is offered. */
export function Filters(o: Part & { readonly entries: readonly CatalogEntry[] }) {
  const { text } = useSpeech()
  const { search, change, entries } = o
  const categories = choicesOf(entries, (entry) => entry.categories)
  const distributions = choicesOf(entries, (entry) => entry.distributions.map(familyOf))
  const met = choicesOf(entries, (entry) => entry.compliance)
  const kinds = choicesOf(entries, ({ kind }) => (kind === null ? [] : [kind]))
  const support = choicesOf(entries, (entry) => (entry.support === null ? [] : [entry.support]))
  const names: Readonly<Record<string, string>> = text.catalog.categories
  const number = filtersOf(search)
  const of = (label: string) => ({ 'aria-label': label, placeholder: label, clearable: true, size: 'xs' }) as const
  return (
    <Group gap="xs">
      <SegmentedControl
        aria-label={text.catalog.mirrored}
        size="xs"
        value={search.show ?? 'all'}
        onChange={(chosen) => change({ show: chosen as (typeof SHOWN)[number] })}
        data={SHOWN.map((value) => ({ value, label: text.catalog.shown[value] }))}
      />
      {kinds.length < 2 && search.kind === undefined ? null : (
        <Select
          {...of(text.catalog.columns.kind)}
          data={KINDS.map((value) => ({ value, label: text.catalog.kinds[value] }))}
          value={search.kind ?? null}
          onChange={(chosen) => change({ kind: (chosen ?? undefined) as CatalogSearch['kind'] })}
          w={110}
        />
      )}
      {categories.length === 0 ? null : (
        <Select
          {...of(text.catalog.category)}
          data={categories.map((value) => ({ value, label: names[value] ?? value }))}
          value={search.category ?? null}
          onChange={(chosen) => change({ category: chosen ?? undefined })}
          searchable
          w={190}
        />
      )}
      {distributions.length === 0 ? null : (
        <Select
          {...of(text.catalog.columns.distributions)}
          data={distributions}
          value={search.distribution ?? null}
          onChange={(chosen) => change({ distribution: chosen ?? undefined })}
          w={160}
        />
      )}
      {met.length === 0 && search.compliance === undefined ? null : (
        <MultiSelect
          {...of(text.catalog.columns.compliance)}
          {...(search.compliance === undefined ? {} : { placeholder: '' })}
          data={COMPLIANCE.map((value) => ({ value, label: value.toUpperCase() }))}
          value={[...(search.compliance ?? [])]}
          onChange={(chosen) =>
            change({ compliance: chosen.length === 0 ? undefined : COMPLIANCE.filter((one) => chosen.includes(one)) })
          }
          w={search.compliance === undefined ? 130 : 200}
        />
      )}
      {support.length === 0 && search.support === undefined ? null : (
        <Select
          {...of(text.catalog.columns.support)}
          data={SUPPORT.map((value) => ({ value, label: text.catalog.support[value] }))}
          value={search.support ?? null}
          onChange={(chosen) => change({ support: (chosen ?? undefined) as CatalogSearch['support'] })}
          w={130}
        />
      )}
      {number === 0 ? null : (
        <Button
          size="xs"
          variant="subtle"
          color="gray"
          leftSection={<XIcon aria-hidden="true" />}
          onClick={() =>
            change({
              ...{ show: undefined, kind: undefined, category: undefined, distribution: undefined },
              ...{ compliance: undefined, support: undefined },
            })
          }
        >
          {text.catalog.clear(number)}
        </Button>
      )}
    </Group>
  )
}
