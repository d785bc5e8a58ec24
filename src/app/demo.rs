//! x
/// x
pub async fn demo(_port: u16) -> Result<(), super::ServeError> {
    Ok(())
}
