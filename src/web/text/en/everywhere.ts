export const common = {
  cancel: 'Cancel',
  close: 'Close',
  copy: 'Copy',
  copied: 'Copied',
  loading: 'Loading …',
  never: 'Never',
  retry: 'Try again',
  search: 'Search',
  whatHappened: 'Something went wrong',
  notFound: 'There is nothing at this address, or you don’t have access to it.',
  typeName: (name: string) => `Type ${name} to confirm`,
  incomplete: (count: string) => `Only the first ${count} are shown.`,
}
