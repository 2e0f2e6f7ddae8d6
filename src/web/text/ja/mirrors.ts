import type { Text } from '../en/index.ts'

export const mirrors: Text['mirrors'] = {
  title: 'ミラー',
  lead: 'リポジトリの内容をソースと同期し続けます。',
  columns: { repository: 'リポジトリ', source: 'ソース', state: '状態', tags: 'タグ', freshness: '最終確認' },
  empty: 'ミラーはまだありません。カタログからイメージを選んでください。',
  since: (time) => `${time}から`,
  syncNow: '今すぐ同期',
  syncing: '同期を開始しました。',
  nextRun: '次回の確認',
  schedule: (every) => `${every} ごと`,
  selection: '対象',
  everything: 'すべてのタグ、プラットフォーム、アテステーション',
  leftOut: '対象外のタグ',
  failures: 'コピーできなかったもの',
  stop: 'ミラーリングを停止',
  stopTitle: (name) => `${name} へのミラーリングを停止しますか？`,
  stopLead: 'リポジトリとイメージは残り、引き続きプルできます。以後、更新は届きません。',
  stopped: 'ミラーリングを停止しました。イメージはそのまま残っています。',
  none: 'このリポジトリはミラーではありません。プッシュされたイメージだけが入っています。',
  remedy: '対処方法',
}
