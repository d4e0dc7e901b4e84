global using NativeLink.Actors.Protocol;
