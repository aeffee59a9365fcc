/** The binary of this checkout, where `buildAddon()` leaves it. */
export declare const addonFile: string;

/** This machine cannot build the addon; the message says what it lacks. */
export declare class CannotBuild extends Error {}

/** Builds the addon where it is out of date, and gives the binary. */
export declare function buildAddon(): Promise<string>;
