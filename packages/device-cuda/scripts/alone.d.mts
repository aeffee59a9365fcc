/** Does `work` while this process has the lock, and waits for it before. Locks whose process has ended count for nothing. */
export declare function alone<T>(lockFile: string, work: () => Promise<T>): Promise<T>;
